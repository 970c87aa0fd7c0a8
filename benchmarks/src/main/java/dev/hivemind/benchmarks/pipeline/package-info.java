/**
 * What a training pipeline costs beside a bare loop over the same blocks, what of the time of a slow network it hides, and
 * how much memory it takes; and calls over long-lived streams beside calls one by one.
 */
@NullMarked
package dev.hivemind.benchmarks.pipeline;

import org.jspecify.annotations.NullMarked;
