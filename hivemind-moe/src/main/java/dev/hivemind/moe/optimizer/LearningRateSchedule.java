package dev.hivemind.moe.optimizer;

/** How the learning rate changes with the number of steps made. A schedule has no state: the optimizer counts steps. */
public sealed interface LearningRateSchedule {

    /** The full learning rate at every step. */
    static LearningRateSchedule constant() {
        return new Constant();
    }

    /**
     * The part of the learning rate that the next step takes, from 0 to 1.
     *
     * @param steps how many steps were made, at least 0
     */
    double factor(int steps);

    /** The full learning rate at every step. */
    record Constant() implements LearningRateSchedule {

        @Override
        public double factor(int steps) {
            return 1;
        }
    }

    /**
     * Rises in a straight line from 0 to the full learning rate, and falls in a straight line to 0, as hivemind's does.
     *
     * @param warmupSteps until the full learning rate, at least 0; the first of them is at 0
     * @param totalSteps until it is 0 for good, above {@code warmupSteps}
     */
    record Linear(int warmupSteps, int totalSteps) implements LearningRateSchedule {

        public Linear {
            requireInOrder(warmupSteps, totalSteps);
        }

        @Override
        public double factor(int steps) {
            if (steps < warmupSteps) {
                return (double) steps / warmupSteps;
            }
            return Math.max(0, (double) (totalSteps - steps) / (totalSteps - warmupSteps));
        }
    }

    /**
     * Rises in a straight line from 0 to the full learning rate, and falls along half a wave of a cosine.
     *
     * @param warmupSteps until the full learning rate, at least 0; the first of them is at 0
     * @param totalSteps until the last part is reached, where it stays; above {@code warmupSteps}
     * @param lastFactor the last part of the learning rate, from 0 to 1
     */
    record Cosine(int warmupSteps, int totalSteps, double lastFactor) implements LearningRateSchedule {

        public Cosine {
            requireInOrder(warmupSteps, totalSteps);
            if (!(lastFactor >= 0 && lastFactor <= 1)) {
                throw new IllegalArgumentException("lastFactor lies between 0 and 1, not " + lastFactor);
            }
        }

        @Override
        public double factor(int steps) {
            if (steps < warmupSteps) {
                return (double) steps / warmupSteps;
            }
            double progress = Math.min(1, (double) (steps - warmupSteps) / (totalSteps - warmupSteps));
            return lastFactor + (1 - lastFactor) * (1 + Math.cos(Math.PI * progress)) / 2;
        }
    }

    private static void requireInOrder(int warmupSteps, int totalSteps) {
        if (warmupSteps < 0 || totalSteps <= warmupSteps) {
            throw new IllegalArgumentException("warmupSteps is at least 0 and below totalSteps, but they are %d and %d"
                    .formatted(warmupSteps, totalSteps));
        }
    }
}
