package dev.hivemind.moe.training;

import dev.hivemind.moe.mixture.MixtureStatistics;

/** What a segment has asked of experts so far. */
interface Usage {

    /** Of a segment that asks nothing of anybody. */
    Usage NONE = new Usage() {
        @Override
        public long calls() {
            return 0;
        }

        @Override
        public long failedCalls() {
            return 0;
        }

        @Override
        public int expertsAnswering() {
            return 0;
        }
    };

    long calls();

    long failedCalls();

    int expertsAnswering();

    /** Told of the way back of each batch by whoever cannot count it. */
    default void wentBackward(boolean successfully) {}

    /** That of a mixture. */
    static Usage of(MixtureStatistics statistics) {
        return new Usage() {
            @Override
            public long calls() {
                return statistics.calls();
            }

            @Override
            public long failedCalls() {
                return statistics.failedCalls();
            }

            @Override
            public int expertsAnswering() {
                return statistics.expertsAnswering();
            }
        };
    }
}
