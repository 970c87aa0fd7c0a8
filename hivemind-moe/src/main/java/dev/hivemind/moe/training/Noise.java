package dev.hivemind.moe.training;

import ai.djl.ndarray.NDManager;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What the randomness of local segments follows from. The engine has one generator, so that it is seeded right before each
 * segment, within the same computation: other batches compute in between.
 */
record Noise(OptionalLong seed, long batch) {

    /** Whatever comes. */
    static final Noise ANY = new Noise(OptionalLong.empty(), 0);

    private static final long BATCH_STEP = 0x9E3779B97F4A7C15L;
    private static final long SEGMENT_STEP = 0xD1B54A32D192ED03L;

    /** What is to be done on the tensor thread before a segment computes; null for nothing. */
    @Nullable Runnable seeding(NDManager manager, int segment) {
        if (seed.isEmpty()) {
            return null;
        }
        long mixed = seed.getAsLong() + batch * BATCH_STEP + segment * SEGMENT_STEP;
        return () -> manager.getEngine().setRandomSeed(Long.hashCode(mixed));
    }
}
