/**
 * What a mixture of remote experts costs beside the same experts without a network, and what it takes to find them in a
 * grid.
 */
@NullMarked
package dev.hivemind.benchmarks.mixture;

import org.jspecify.annotations.NullMarked;
