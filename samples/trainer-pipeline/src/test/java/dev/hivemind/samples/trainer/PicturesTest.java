package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.training.Evaluation;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import dev.hivemind.rsocket.PeerNode;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PicturesTest {

    private static final List<String> CELLS = IntStream.range(0, 16)
            .mapToObj(cell -> "ffn.%d.%d".formatted(cell / 4, cell % 4))
            .toList();

    private final FashionMnist few = few();

    private static FashionMnist few() {
        FashionMnist whole = FashionMnist.bundled();
        return new FashionMnist(whole.training().first(1600), whole.test().first(500));
    }

    private static Evaluation train(Pictures pictures, Experts experts) {
        PeerNode node = PeerNode.builder().build();
        try {
            return pictures.train(node, experts.address());
        } finally {
            node.close().block();
        }
    }

    @Test
    void train_onAFewPictures_recognisesFarMoreThanAGuess() {
        try (var experts = new Experts(64, OptimizerConfig.adam(2e-3), CELLS)) {
            Evaluation evaluation = train(new Pictures(few, 2, null, false), experts);

            assertThat(evaluation.rows()).isEqualTo(500);
            assertThat(evaluation.accuracy().orElse(0)).isGreaterThan(0.4);
        }
    }

    @Test
    void train_inTheDirectoryOfARun_goesOnAfterItsLastCheckpointOrIsRefused(@TempDir Path directory) {
        try (var experts = new Experts(64, OptimizerConfig.adam(2e-3), CELLS)) {
            train(new Pictures(few, 1, directory, false), experts);
            assertThatThrownBy(() -> train(new Pictures(few, 2, directory, false), experts))
                    .isInstanceOf(CheckpointException.class);
            train(new Pictures(few, 2, directory, true), experts);

            TrainerState state = new RunRecorder(directory).latest().state();
            assertThat(state.step()).isEqualTo(50);
            assertThat(state.nextBatch()).isEqualTo(50);
        }
    }
}
