package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.moe.optimizer.OptimizerConfig;
import java.util.List;
import org.junit.jupiter.api.Test;

class QuickstartSampleTest {

    @Test
    void train_throughTwoExperts_lowersTheLoss() {
        try (var experts = new Experts(512, OptimizerConfig.sgd(0.01), List.of("expert.1", "expert.4"))) {
            List<Double> losses = Quickstart.train(experts.address(), 100);

            assertThat(losses).hasSize(100);
            assertThat(average(losses.subList(90, 100))).isLessThan(average(losses.subList(0, 10)) / 2);
        }
    }

    private static double average(List<Double> losses) {
        return losses.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    }
}
