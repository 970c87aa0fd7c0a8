package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.hivemind.moe.training.Batch;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

class PictureBatchesTest {

    private static final int PICTURES = 10;

    private final PictureDataset pictures = pictures();

    /** Each has its number as its label. */
    private static PictureDataset pictures() {
        byte[] labels = new byte[PICTURES];
        for (int i = 0; i < PICTURES; i++) {
            labels[i] = (byte) i;
        }
        return new PictureDataset(new byte[4 * PICTURES], labels, 2, 2);
    }

    private static List<Long> labels(Flux<Batch> batches) {
        List<Long> labels = new ArrayList<>();
        batches.toIterable().forEach(batch -> {
            for (long label : batch.targets().get(0).longs()) {
                labels.add(label);
            }
        });
        return labels;
    }

    @Test
    void from_theFirstBatch_givesEachPictureOnceAnEpoch() {
        var batches = new PictureBatches(pictures, 5, 1);

        List<Long> first = labels(batches.from(0).take(2));
        List<Long> second = labels(batches.from(2).take(2));

        assertThat(first).hasSize(PICTURES).doesNotHaveDuplicates();
        assertThat(second).hasSize(PICTURES).doesNotHaveDuplicates().isNotEqualTo(first);
    }

    @Test
    void from_anyBatch_goesOnAsIfReadFromTheFirst() {
        var batches = new PictureBatches(pictures, 3, 1);

        assertThat(labels(batches.from(4).take(5)))
                .isEqualTo(labels(batches.from(0).take(9).skip(4)));
    }

    @Test
    void from_withAnotherSeed_hasAnotherOrder() {
        assertThat(labels(new PictureBatches(pictures, 5, 1).from(0).take(2)))
                .isNotEqualTo(labels(new PictureBatches(pictures, 5, 2).from(0).take(2)));
    }

    @Test
    void from_countsBatchesAndEpochs() {
        var batches = new PictureBatches(pictures, 4, 1);

        assertThat(batches.from(1).take(2).collectList().block())
                .extracting(Batch::index, Batch::epoch)
                .containsExactly(tuple(1L, 0), tuple(2L, 1));
    }

    @Test
    void inOrder_ofPicturesThatDoNotFillTheLastBatch_givesThemAll() {
        assertThat(labels(PictureBatches.inOrder(pictures, 4))).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
    }

    @Test
    void create_withBatchesLargerThanTheSet_isRefused() {
        assertThatThrownBy(() -> new PictureBatches(pictures, 11, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("A batch has 1 to 10 pictures, not 11");
    }
}
