package dev.hivemind.moe.training;

import dev.hivemind.moe.client.ExpertClient;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What a pipeline was built of. */
record Setup(
        ExpertClient client,
        Model model,
        Learner learner,
        Goal goal,
        Limits limits,
        Patience patience,
        Consumer<Waiting> waiting,
        OptionalLong seed) {

    /** What outputs are compared by. */
    record Goal(Loss loss, @Nullable Metric metric) {}

    /**
     * How much happens at once.
     *
     * @param concurrency batches under way
     * @param maxStaleness steps between reading and stepping the weights
     * @param accumulate batches that make a step
     */
    record Limits(int concurrency, int maxStaleness, int accumulate) {}
}
