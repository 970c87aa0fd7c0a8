package dev.hivemind.moe.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {

    private static final Offset<Double> CLOSE = Offset.offset(1e-12);

    private static double[] factors(LearningRateSchedule schedule, int steps) {
        return IntStream.range(0, steps).mapToDouble(schedule::factor).toArray();
    }

    @Test
    void factor_ofConstant_isAlwaysOne() {
        assertThat(factors(LearningRateSchedule.constant(), 3)).containsExactly(1, 1, 1);
    }

    @Test
    void factor_ofLinear_risesAndFallsAsHiveminds() {
        assertThat(factors(new LearningRateSchedule.Linear(2, 4), 6)).containsExactly(0, 0.5, 1, 0.5, 0, 0);
    }

    @Test
    void factor_ofLinearWithoutWarmup_beginsInFull() {
        assertThat(factors(new LearningRateSchedule.Linear(0, 4), 5)).containsExactly(1, 0.75, 0.5, 0.25, 0);
    }

    @Test
    void factor_ofCosine_risesAndFallsAlongHalfAWave() {
        var cosine = new LearningRateSchedule.Cosine(2, 6, 0.1);

        assertThat(factors(cosine, 9))
                .containsExactly(
                        new double[] {
                            0,
                            0.5,
                            1,
                            0.1 + 0.9 * (1 + Math.sqrt(0.5)) / 2,
                            0.55,
                            0.1 + 0.9 * (1 - Math.sqrt(0.5)) / 2,
                            0.1,
                            0.1,
                            0.1
                        },
                        CLOSE);
    }

    @Test
    void newSchedule_outOfBounds_isRefused() {
        assertThatThrownBy(() -> new LearningRateSchedule.Linear(4, 4)).hasMessageContaining("warmupSteps");
        assertThatThrownBy(() -> new LearningRateSchedule.Cosine(-1, 4, 0)).hasMessageContaining("warmupSteps");
        assertThatThrownBy(() -> new LearningRateSchedule.Cosine(1, 4, Double.NaN))
                .hasMessageContaining("lastFactor");
    }
}
