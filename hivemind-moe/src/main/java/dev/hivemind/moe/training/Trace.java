package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.moe.training.DivergedException.Suspect;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the segments made of one batch, as long as its tape lives; to find out who began to give nonsense. */
final class Trace {

    private final NDList inputs;
    private final List<Entry> entries = new ArrayList<>();

    Trace(NDList inputs) {
        this.inputs = inputs;
    }

    void add(Segment segment, NDList outputs) {
        entries.add(new Entry(segment, outputs));
    }

    /** The first place where numbers are not finite; null if all are. On the tensor thread. */
    @Nullable Suspect suspect() {
        if (!isFinite(inputs)) {
            return new Suspect(null, "in the batch itself");
        }
        for (Entry entry : entries) {
            if (!isFinite(entry.outputs)) {
                return new Suspect(entry.segment.name(), "outputs of " + entry.segment.description());
            }
        }
        return null;
    }

    private static boolean isFinite(NDList arrays) {
        return arrays.stream().filter(array -> array.getDataType().isFloating()).allMatch(Trace::isFinite);
    }

    /** A number that is not finite is the only one that differs from itself by something else than zero. */
    private static boolean isFinite(NDArray array) {
        try (NDArray plain = array.stopGradient();
                NDArray difference = plain.sub(plain);
                NDArray sum = difference.abs().sum()) {
            return sum.toFloatArray()[0] == 0;
        }
    }

    private record Entry(Segment segment, NDList outputs) {}
}
