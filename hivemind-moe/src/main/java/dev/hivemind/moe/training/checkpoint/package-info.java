/**
 * Trainer checkpoints: training goes on after a crash as if nothing had happened.
 *
 * <p>A {@link dev.hivemind.moe.training.checkpoint.Checkpoint} is the state of a trainer and says which data it was trained
 * on. A {@link dev.hivemind.moe.training.checkpoint.CheckpointStore} keeps the newest ones in a directory, each a file in
 * the SAFETENSORS format that other programs read too, written as a whole or not at all. A
 * {@link dev.hivemind.moe.training.checkpoint.Checkpointer} makes them while training goes on.
 */
@NullMarked
package dev.hivemind.moe.training.checkpoint;

import org.jspecify.annotations.NullMarked;
