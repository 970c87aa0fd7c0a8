package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Experts without a server, and arrays for them, on the test's thread. */
final class Backends implements BeforeEachCallback, AfterEachCallback {

    static final int WIDTH = 8;
    static final int ROWS = 5;
    static final Offset<Float> CLOSE = Offset.offset(1e-5f);

    private final ManagedArrays arrays = new ManagedArrays();
    private final Random random = new Random(9);
    private final List<ExpertBackend> backends = new ArrayList<>();

    @Override
    public void beforeEach(ExtensionContext context) {
        arrays.beforeEach(context);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        backends.forEach(ExpertBackend::close);
        arrays.afterEach(context);
    }

    ExpertBackend ffn(OptimizerConfig optimizer) {
        return ffn(TrainingConfig.of(optimizer));
    }

    ExpertBackend ffn(TrainingConfig training) {
        return backend(TestExperts.ffn(WIDTH), training);
    }

    ExpertBackend backend(ExpertDefinition definition, OptimizerConfig optimizer) {
        return backend(definition, TrainingConfig.of(optimizer));
    }

    ExpertBackend backend(ExpertDefinition definition, TrainingConfig training) {
        ExpertBackend backend = ExpertBackend.create(definition, training);
        backends.add(backend);
        return backend;
    }

    NDManager manager() {
        return arrays.manager();
    }

    int arrayCount() {
        return arrays.count();
    }

    NDArray batch() {
        float[] values = new float[ROWS * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return arrays.manager().create(values, new Shape(ROWS, WIDTH));
    }

    static Map<String, float[]> snapshot(Map<String, NDArray> parameters) {
        return parameters.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> entry.getValue().toFloatArray()));
    }

    static void assertSame(Map<String, NDArray> actual, Map<String, NDArray> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        actual.forEach((key, array) -> assertThat(array.toFloatArray())
                .as(key)
                .containsExactly(expected.get(key).toFloatArray(), CLOSE));
    }
}
