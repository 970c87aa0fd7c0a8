package dev.hivemind.launcher.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.StepReport.Totals;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class ProgressMeterTest {

    private final ProgressMeter meter = new ProgressMeter(3);

    private Progress step(int step, double loss, double accuracy) {
        var totals = new Totals(64L * step, 100, 0, 0, 4, 0, 0);
        return meter.add(new StepReport(step, 0, step, 64, loss, OptionalDouble.of(accuracy), 1, 0.1, 0, totals));
    }

    @Test
    void add_ofTheFirstStep_isThatStep() {
        assertThat(step(1, 2, 0.5)).isEqualTo(new Progress(1, 3, 2, 0.5, 100, 4));
    }

    @Test
    void add_ofMoreSteps_smoothsThem() {
        step(1, 2, 0);
        step(2, 1, 1);

        Progress last = step(3, 0, 1);

        assertThat(last.loss()).isCloseTo(0.98, within(0.03)).isLessThan(1);
        assertThat(last.isLast()).isTrue();
    }
}
