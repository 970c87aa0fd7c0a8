package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchSamplerTest {

    @Test
    void next_anEpochOfBatches_seesEveryPictureOnce() {
        var sampler = new BatchSampler(12, 4, 1);

        assertThat(draw(sampler, 3))
                .containsExactlyInAnyOrder(IntStream.range(0, 12).toArray());
        assertThat(draw(sampler, 3))
                .containsExactlyInAnyOrder(IntStream.range(0, 12).toArray());
    }

    @Test
    void next_batchAcrossTheEndOfAnEpoch_hasFullSizeAndLosesNoPicture() {
        var sampler = new BatchSampler(5, 3, 1);

        int[] drawn = draw(sampler, 5);

        assertThat(drawn).hasSize(15);
        for (int picture = 0; picture < 5; picture++) {
            assertThat(drawn).contains(picture);
            int wanted = picture;
            assertThat(IntStream.of(drawn).filter(index -> index == wanted)).hasSize(3);
        }
    }

    @Test
    void next_sameSeed_sameBatches() {
        assertThat(draw(new BatchSampler(100, 7, 5), 40)).isEqualTo(draw(new BatchSampler(100, 7, 5), 40));
    }

    @Test
    void next_otherSeed_otherBatches() {
        assertThat(draw(new BatchSampler(100, 7, 5), 40)).isNotEqualTo(draw(new BatchSampler(100, 7, 6), 40));
    }

    @Test
    void next_secondEpoch_isAnotherOrder() {
        var sampler = new BatchSampler(100, 100, 5);

        assertThat(sampler.next()).isNotEqualTo(sampler.next());
    }

    @Test
    void new_nothingToDraw_throws() {
        assertThatThrownBy(() -> new BatchSampler(0, 1, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BatchSampler(1, 0, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    private static int[] draw(BatchSampler sampler, int batches) {
        return IntStream.range(0, batches)
                .flatMap(i -> IntStream.of(sampler.next()))
                .toArray();
    }
}
