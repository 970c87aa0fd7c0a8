package dev.hivemind.benchmarks.codec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.compression.Compression;
import org.junit.jupiter.api.Test;

class NormalTensorTest {

    @Test
    void meanSquareError_ofTheCodecs_keepsTheirBounds() {
        try (var tensor = new NormalTensor()) {
            assertThat(tensor.meanSquareError(Compression.NONE)).isZero();
            assertThat(tensor.meanSquareError(Compression.FLOAT16)).isBetween(1e-9, 5e-8);
            assertThat(tensor.meanSquareError(Compression.INT8)).isBetween(1e-6, 1e-4);
        }
    }
}
