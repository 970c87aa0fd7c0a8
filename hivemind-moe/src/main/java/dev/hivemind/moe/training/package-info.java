/**
 * Training as a pipeline: batches in, reports out.
 *
 * <p>{@link dev.hivemind.moe.training.TrainingPipeline} leads each {@link dev.hivemind.moe.training.Batch} through
 * segments of local and remote layers, several at a time if wanted, and steps the local weights in the order of the
 * batches. Data comes as plain Java memory; native memory is made and freed on the client's tensor thread alone.
 * {@link dev.hivemind.moe.training.TrainerState} is what a checkpoint holds.
 */
@NullMarked
package dev.hivemind.moe.training;

import org.jspecify.annotations.NullMarked;
