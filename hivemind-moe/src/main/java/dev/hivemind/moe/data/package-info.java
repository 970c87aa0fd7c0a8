/**
 * Batches out of files: pictures in IDX files and text in UTF-8.
 *
 * <p>A {@link dev.hivemind.moe.data.SampleSet} finds each of its samples in a file and never holds the file in memory, so
 * that a set may be larger than memory. A {@link dev.hivemind.moe.data.BatchSource} makes batches of it, in an order that a
 * seed decides, reads a few of them ahead on a thread of its own, and can begin anywhere: batch 1,000,000 is found without
 * the ones before it. Data is checked when it is opened; a {@link dev.hivemind.moe.data.DataException} says which file is
 * wrong, where, and what to do.
 */
@NullMarked
package dev.hivemind.moe.data;

import org.jspecify.annotations.NullMarked;
