/**
 * What compression of tensors costs, and what it spoils: each codec beside copying the same tensor twice.
 *
 * <p>One thread, one tensor that does not fit the caches, and buffers that are used again, so that only the codec is
 * measured.
 */
@NullMarked
package dev.hivemind.benchmarks.codec;

import org.jspecify.annotations.NullMarked;
