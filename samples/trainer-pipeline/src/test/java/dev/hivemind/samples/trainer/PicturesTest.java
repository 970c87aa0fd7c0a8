package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.training.Evaluation;
import dev.hivemind.rsocket.PeerNode;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PicturesTest {

    private static final List<String> CELLS = IntStream.range(0, 16)
            .mapToObj(cell -> "ffn.%d.%d".formatted(cell / 4, cell % 4))
            .toList();

    @Test
    void train_onAFewPictures_recognisesFarMoreThanAGuess() {
        FashionMnist whole = FashionMnist.bundled();
        var few = new FashionMnist(whole.training().first(3200), whole.test().first(500));
        PeerNode node = PeerNode.builder().build();
        try (var experts = new Experts(64, OptimizerConfig.adam(2e-3), CELLS)) {
            Evaluation evaluation = new Pictures(few, 1).train(node, experts.address());

            assertThat(evaluation.rows()).isEqualTo(500);
            assertThat(evaluation.accuracy().orElse(0)).isGreaterThan(0.4);
        } finally {
            node.close().block();
        }
    }
}
