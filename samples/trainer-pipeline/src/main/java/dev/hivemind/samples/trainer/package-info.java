/**
 * Programs to copy, each in one file, that train through remote experts.
 *
 * <p>{@link dev.hivemind.samples.trainer.Quickstart} is the shortest; {@link dev.hivemind.samples.trainer.Pictures} learns
 * to tell pictures of clothes apart, and goes on after it was stopped;
 * {@link dev.hivemind.samples.trainer.CustomExpert} has an expert of its own kind.
 * {@link dev.hivemind.samples.trainer.FashionMnist} opens the pictures, bundled or from a directory.
 */
@NullMarked
package dev.hivemind.samples.trainer;

import org.jspecify.annotations.NullMarked;
