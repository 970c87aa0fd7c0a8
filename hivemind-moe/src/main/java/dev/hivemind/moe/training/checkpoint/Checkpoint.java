package dev.hivemind.moe.training.checkpoint;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.training.TrainerState;

/**
 * All that training needs to go on.
 *
 * @param state of the trainer, with the number of the batch that comes next
 * @param data what decides which samples a batch has, such as {@code BatchSource.identity()}; compared when training goes
 *     on
 */
public record Checkpoint(TrainerState state, String data) {

    public Checkpoint {
        requireNonNull(state, "state");
        requireNonNull(data, "data");
    }

    /**
     * Returns this if training can go on exactly with this data.
     *
     * @throws CheckpointException if batches had other samples when the checkpoint was made
     */
    public Checkpoint requireData(String current) {
        if (!data.equals(current)) {
            throw new CheckpointException(
                    "The checkpoint of step %d was made with other data: '%s', but now it is '%s'. Train on the same data with the same settings, or begin anew in another directory."
                            .formatted(state.step(), data, current));
        }
        return this;
    }
}
