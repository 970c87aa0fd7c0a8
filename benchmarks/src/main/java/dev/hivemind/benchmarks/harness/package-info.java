/**
 * What all benchmarks share: interleaved repetitions, their statistics, and rows as JSON or as text.
 *
 * <p>Cases take turns, A B C A B C, so that a busy moment of the machine falls on all of them, and figures are compared
 * within a turn.
 */
@NullMarked
package dev.hivemind.benchmarks.harness;

import org.jspecify.annotations.NullMarked;
