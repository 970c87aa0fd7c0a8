/**
 * How browsers get the picture: the page, a snapshot as JSON, and a stream of updates.
 *
 * <p>{@link dev.hivemind.dashboard.web.UpdateFeed} makes each update once, five times a second at most, and hands the same
 * bytes to all viewers; whoever falls behind begins again with a snapshot. {@link dev.hivemind.dashboard.web.WebServer} is
 * Spring WebFlux around it, with health, info and Prometheus endpoints. No page of another origin can make use of it.
 */
@NullMarked
package dev.hivemind.dashboard.web;

import org.jspecify.annotations.NullMarked;
