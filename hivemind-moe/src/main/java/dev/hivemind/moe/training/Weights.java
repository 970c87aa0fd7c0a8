package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.optimizer.Gradients;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The local weights as one step read them: leaves of its own, at which its gradients gather. They are copies where the
 * originals may change before the step has gone backward, and share their memory where they cannot.
 */
final class Weights {

    private final int version;
    private final IdentityHashMap<Segment, Map<String, NDArray>> bySegment;
    private final IdentityHashMap<NDArray, NDArray> byOriginal;

    /** What else changes with the batch that read these weights. */
    private final List<Runnable> onAccepted = new ArrayList<>();

    private Weights(
            int version,
            IdentityHashMap<Segment, Map<String, NDArray>> bySegment,
            IdentityHashMap<NDArray, NDArray> byOriginal) {
        this.version = version;
        this.bySegment = bySegment;
        this.byOriginal = byOriginal;
    }

    /**
     * Reads the weights of all segments.
     *
     * @param manager owns what is read
     * @param version how many steps the weights have seen
     */
    static Weights read(Model model, NDManager manager, int version, Mode mode) {
        IdentityHashMap<Segment, Map<String, NDArray>> bySegment = new IdentityHashMap<>();
        IdentityHashMap<NDArray, NDArray> byOriginal = new IdentityHashMap<>();
        for (Segment segment : model.segments()) {
            Map<String, NDArray> leaves = new LinkedHashMap<>();
            segment.layer().parameters().forEach((name, original) -> {
                leaves.put(name, byOriginal.computeIfAbsent(original, shared -> leaf(shared, manager, mode)));
            });
            bySegment.put(segment, leaves);
        }
        return new Weights(version, bySegment, byOriginal);
    }

    private static NDArray leaf(NDArray original, NDManager manager, Mode mode) {
        NDArray leaf = TensorOps.leaf(original, false);
        leaf.attach(manager);
        if (mode.copies) {
            NDArray shared = leaf;
            leaf = shared.duplicate();
            shared.close();
        }
        if (mode.gradients) {
            leaf.setRequiresGradient(true);
        }
        return leaf;
    }

    /** Steps that these weights have seen. */
    int version() {
        return version;
    }

    Map<String, NDArray> of(Segment segment) {
        return bySegment.getOrDefault(segment, Map.of());
    }

    /** Where the gradient of a weight gathers. */
    NDArray leafOf(NDArray original) {
        NDArray leaf = byOriginal.get(original);
        if (leaf == null) {
            throw new IllegalArgumentException("Not a weight of this model");
        }
        return leaf;
    }

    /** Has something done when the batch is accepted, before its arrays are freed. On the tensor thread, as all here. */
    void onAccepted(Runnable change) {
        onAccepted.add(change);
    }

    /** The batch has its part in a step. */
    void accepted() {
        onAccepted.forEach(Runnable::run);
    }

    /** Whether all gradients that have gathered so far are finite, and not so large that their squares are not. */
    boolean haveFiniteGradients() {
        return Double.isFinite(TensorOps.withGradMode(false, () -> Gradients.globalNorm(byOriginal.values())));
    }

    /**
     * How weights are read.
     *
     * @param copies whether the originals may change meanwhile
     * @param gradients whether there is a way back
     */
    record Mode(boolean copies, boolean gradients) {}
}
