/**
 * The command that runs benchmarks by name.
 *
 * <p>A benchmark measures the product beside a yardstick in the same run, because absolute figures of one machine mean
 * little on another. To add one, implement {@link dev.hivemind.benchmarks.harness.Benchmark} in a package of its own and
 * list it in {@link dev.hivemind.benchmarks.Benchmarks}.
 */
@NullMarked
package dev.hivemind.benchmarks;

import org.jspecify.annotations.NullMarked;
