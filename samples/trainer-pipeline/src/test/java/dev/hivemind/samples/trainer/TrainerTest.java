package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.samples.trainer.PictureClassifier.ModelSize;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Two kinds of 2x2 pictures: bright above or bright below. */
class TrainerTest {

    private static final ModelSize SIZE = new ModelSize(4, 8, 2);

    private final PictureDataset pictures = pictures();

    private static PictureDataset pictures() {
        int count = 40;
        byte[] pixels = new byte[4 * count];
        byte[] labels = new byte[count];
        for (int i = 0; i < count; i++) {
            labels[i] = (byte) (i % 2);
            for (int pixel = 0; pixel < 4; pixel++) {
                boolean bright = pixel / 2 == labels[i];
                pixels[4 * i + pixel] = (byte) (bright ? 200 + i : i);
            }
        }
        return new PictureDataset(pixels, labels, 2, 2);
    }

    private static TrainingPlan plan(int steps) {
        return new TrainingPlan(steps, 8, 0.05, 3);
    }

    @Test
    void train_onPicturesThatALineTellsApart_learnsThem() {
        try (PictureClassifier model = PictureClassifier.linear(SIZE, 1)) {
            var trainer = new Trainer(model);

            trainer.train(pictures, plan(60), report -> {});

            assertThat(trainer.accuracy(pictures)).isEqualTo(1.0);
        }
    }

    @Test
    void train_reportsEveryStep() {
        List<Integer> steps = new ArrayList<>();
        try (PictureClassifier model = PictureClassifier.linear(SIZE, 1)) {
            StepReport last = new Trainer(model).train(pictures, plan(5), report -> steps.add(report.step()));

            assertThat(steps).containsExactly(1, 2, 3, 4, 5);
            assertThat(last.isLast()).isTrue();
            assertThat(last.expertsAnswering()).isZero();
        }
    }

    @Test
    void train_withTheSameSeeds_takesTheSamePath() {
        assertThat(losses()).isEqualTo(losses());
    }

    private List<Double> losses() {
        List<Double> losses = new ArrayList<>();
        try (PictureClassifier model = PictureClassifier.linear(SIZE, 1)) {
            new Trainer(model).train(pictures, plan(20), report -> losses.add(report.loss()));
        }
        return losses;
    }

    @Test
    void train_leavesNoArrayBehind() {
        try (PictureClassifier model = PictureClassifier.linear(SIZE, 1)) {
            var trainer = new Trainer(model);
            trainer.train(pictures, plan(3), report -> {});
            int before = model.manager().getManagedArrays().size();

            trainer.train(pictures, plan(30), report -> {});

            assertThat(model.manager().getManagedArrays()).hasSize(before);
        }
    }
}
