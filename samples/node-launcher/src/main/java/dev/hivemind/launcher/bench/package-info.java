/**
 * How fast this machine is.
 *
 * <p>{@link dev.hivemind.launcher.bench.BenchCommand} has {@code benchmarks/run} of the same checkout measure, as a process of
 * its own, since that brings libraries to compare with which nothing else needs. It shows the rows that come.
 */
@NullMarked
package dev.hivemind.launcher.bench;

import org.jspecify.annotations.NullMarked;
