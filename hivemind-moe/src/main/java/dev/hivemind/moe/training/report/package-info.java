/**
 * What training tells while it goes on.
 *
 * <p>{@link dev.hivemind.moe.training.report.ReportWriter} writes reports to a file, as JSON lines or as event files for
 * TensorBoard; {@link dev.hivemind.moe.training.report.TrainingEvents} tells them to an
 * {@link dev.hivemind.rsocket.events.EventFeed}, from which dashboards near and far have them. Both are consumers of
 * {@link dev.hivemind.moe.training.StepReport}s that return at once: who is too slow misses reports, and training is never
 * slowed down.
 */
@NullMarked
package dev.hivemind.moe.training.report;

import org.jspecify.annotations.NullMarked;
