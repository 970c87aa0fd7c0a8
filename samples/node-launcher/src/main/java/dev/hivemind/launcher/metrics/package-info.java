/**
 * What tells monitors how a process is doing, over HTTP.
 *
 * <p>{@link dev.hivemind.launcher.metrics.MetricsEndpoint} serves the meters in the text format of Prometheus, and whether
 * the process is alive and ready.
 */
@NullMarked
package dev.hivemind.launcher.metrics;

import org.jspecify.annotations.NullMarked;
