package dev.hivemind.moe.training.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.moe.training.HostTensor;
import dev.hivemind.moe.training.TrainerState;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** States of trainers, made and compared. */
final class TrainerStates {

    private TrainerStates() {}

    /** A state whose numbers follow from the step, some of them not finite. */
    static TrainerState ofStep(int step) {
        var parameters = new LinkedHashMap<String, HostTensor>();
        parameters.put("encoder.weight", random(step, 3, 4));
        parameters.put("encoder.bias \"quoted\" \\ ü\n", random(step + 1, 4));
        parameters.put("decoder.empty", HostTensor.of(new float[0], 0, 3));
        parameters.put(
                "decoder.special",
                HostTensor.of(new float[] {Float.NaN, -0f, Float.POSITIVE_INFINITY, Float.MIN_VALUE}, 2, 2));
        var optimizer = new LinkedHashMap<String, HostTensor>();
        optimizer.put("encoder.weight/mean", random(step + 2, 3, 4));
        optimizer.put("count", HostTensor.of(new long[] {step, Long.MIN_VALUE}, 2));
        optimizer.put("scalar", HostTensor.of(new float[] {step}));
        return new TrainerState(step, step * 3L, -7, parameters, optimizer);
    }

    private static HostTensor random(long seed, int... shape) {
        int count = 1;
        long[] lengths = new long[shape.length];
        for (int i = 0; i < shape.length; i++) {
            count *= shape[i];
            lengths[i] = shape[i];
        }
        float[] values = new float[count];
        var random = new SplittableRandom(seed);
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        return HostTensor.of(values, lengths);
    }

    static void assertSame(TrainerState actual, TrainerState expected) {
        assertThat(actual.step()).isEqualTo(expected.step());
        assertThat(actual.nextBatch()).isEqualTo(expected.nextBatch());
        assertThat(actual.seed()).isEqualTo(expected.seed());
        assertSame(actual.parameters(), expected.parameters());
        assertSame(actual.optimizer(), expected.optimizer());
    }

    private static void assertSame(Map<String, HostTensor> actual, Map<String, HostTensor> expected) {
        assertThat(new ArrayList<>(actual.keySet())).isEqualTo(new ArrayList<>(expected.keySet()));
        expected.forEach((name, tensor) -> {
            HostTensor found = actual.get(name);
            assertThat(found.shape()).as(name).isEqualTo(tensor.shape());
            assertThat(bits(found)).as(name).isEqualTo(bits(tensor));
        });
    }

    private static long[] bits(HostTensor tensor) {
        if (!tensor.isFloating()) {
            return tensor.longs();
        }
        long[] bits = new long[tensor.floats().length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(tensor.floats()[i]);
        }
        return bits;
    }
}
