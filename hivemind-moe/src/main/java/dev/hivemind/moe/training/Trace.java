package dev.hivemind.moe.training;

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
        if (!Finite.all(inputs)) {
            return new Suspect(null, "in the batch itself");
        }
        for (Entry entry : entries) {
            if (!Finite.all(entry.outputs)) {
                return new Suspect(entry.segment.name(), "outputs of " + entry.segment.description());
            }
        }
        return null;
    }

    private record Entry(Segment segment, NDList outputs) {}
}
