/**
 * The {@code dashboard} command.
 *
 * <p>{@link dev.hivemind.launcher.dashboard.DashboardCommand} turns options into a
 * {@link dev.hivemind.dashboard.Dashboard}, says where it is, and waits for its end. Spring is loaded by that command alone.
 */
@NullMarked
package dev.hivemind.launcher.dashboard;

import org.jspecify.annotations.NullMarked;
