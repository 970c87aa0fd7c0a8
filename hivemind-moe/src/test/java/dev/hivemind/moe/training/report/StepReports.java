package dev.hivemind.moe.training.report;

import dev.hivemind.moe.training.StepReport;
import java.util.OptionalDouble;

final class StepReports {

    private StepReports() {}

    static StepReport ofStep(int step) {
        return new StepReport(
                step,
                2,
                step + 10,
                32,
                1.5 / step,
                OptionalDouble.of(0.25),
                3,
                0.125,
                1,
                new StepReport.Totals(32L * step, 640, 2L * step, 1, 4, 5, 6));
    }
}
