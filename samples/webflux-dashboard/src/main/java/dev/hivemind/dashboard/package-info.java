/**
 * The dashboard: a live picture of a swarm in the browser.
 *
 * <p>{@link dev.hivemind.dashboard.Dashboard} is one more peer of the swarm, which hosts nothing and needs no site in the
 * middle. Start it with {@link dev.hivemind.dashboard.DashboardOptions} and open its URL; {@code docs/DASHBOARD.md} has the
 * rest.
 */
@NullMarked
package dev.hivemind.dashboard;

import org.jspecify.annotations.NullMarked;
