package dev.hivemind.moe.training;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.tensor.TensorOps;
import org.junit.jupiter.api.Test;

class HostTensorTest {

    @Test
    void copyThroughHost_overwritesTheArrayItself() {
        try (NDManager manager = TensorOps.newManager();
                NDArray array = manager.zeros(new Shape(2, 2))) {
            HostTensor.of(new float[] {1, 2, 3, 4}, 2, 2).copyThroughHost(array);

            assertThat(array.toFloatArray()).containsExactly(1, 2, 3, 4);
        }
    }
}
