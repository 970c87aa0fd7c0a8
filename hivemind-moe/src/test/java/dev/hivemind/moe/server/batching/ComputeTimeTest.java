package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class ComputeTimeTest {

    private final ComputeTime time = new ComputeTime();

    @Test
    void ofBatch_beforeAnyObservation_isNothing() {
        assertThat(time.isKnown()).isFalse();
        assertThat(time.ofBatch(1_000)).isZero();
    }

    @Test
    void ofBatch_afterBatchesOfSeveralSizes_hasAFixedPartAndOneForEveryRow() {
        for (int rows : new int[] {1, 10, 100, 1_000}) {
            time.record(rows, 5_000 + 30L * rows);
        }

        assertThat(time.ofBatch(500)).isCloseTo(20_000, Percentage.withPercentage(1));
        assertThat(time.ofBatch(2_000)).isCloseTo(65_000, Percentage.withPercentage(1));
    }

    @Test
    void ofBatch_afterBatchesOfOneSize_isTheirTimeWhateverTheSize() {
        time.record(32, 1_000);
        time.record(32, 1_000);

        assertThat(time.ofBatch(4_096)).isEqualTo(1_000);
    }

    @Test
    void ofBatch_afterAChange_followsIt() {
        time.record(8, 1_000_000);
        for (int i = 0; i < 40; i++) {
            time.record(8, 1_000);
        }

        assertThat(time.ofBatch(8)).isCloseTo(1_000, Percentage.withPercentage(20));
    }

    @Test
    void ofBatch_whenLargerBatchesWereFaster_isNotNegative() {
        time.record(1, 1_000_000);
        time.record(1_000, 10);

        assertThat(time.ofBatch(100_000)).isPositive();
    }

    @Test
    void ofBatch_farBeyondWhatWasObserved_doesNotExtrapolateNoise() {
        for (int i = 0; i < 10; i++) {
            time.record(1, 1_000);
            time.record(2, 1_900);
        }

        assertThat(time.ofBatch(4_096)).isEqualTo(time.ofBatch(4)).isLessThan(5_000);
    }
}
