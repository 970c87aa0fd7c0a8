/**
 * Trains a mixture of remote experts to tell pictures of clothes apart.
 *
 * <p>{@link dev.hivemind.samples.trainer.FashionMnist} loads the pictures, bundled or from a directory, as
 * {@link dev.hivemind.samples.trainer.PictureDataset}s of raw bytes;
 * {@link dev.hivemind.samples.trainer.BatchSampler} decides in which order training sees them. These know no tensor
 * library.
 */
@NullMarked
package dev.hivemind.samples.trainer;

import org.jspecify.annotations.NullMarked;
