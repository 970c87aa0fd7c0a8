package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Puts what experts answered into the slots that chose them, on the thread of the tape.
 */
final class Placement {

    private final Routing routing;
    private final MixturePolicy policy;
    private final boolean[] counts;
    private List<Answer> kept = List.of();
    private int shortRows;

    Placement(Routing routing, MixturePolicy policy) {
        this.routing = routing;
        this.policy = policy;
        this.counts = new boolean[routing.slots().length];
    }

    /** What was placed. */
    List<Answer> answers() {
        return kept;
    }

    /** The calls that were answered, without slots that do not count. */
    List<Group> answered() {
        return kept.stream()
                .map(Answer::group)
                .map(this::counting)
                .filter(group -> group.slots().length > 0)
                .toList();
    }

    private Group counting(Group group) {
        int[] slots = IntStream.of(group.slots()).filter(slot -> counts[slot]).toArray();
        return slots.length == group.slots().length
                ? group
                : new Group(group.expert(), group.handle(), slots, routing.rowsOf(slots));
    }

    /** The answers in their slots. */
    ExpertOutputs outputs(NDManager manager, List<Answer> answers, Outputs outputs) {
        kept = answers;
        markAnswered();
        NDList stacked = new NDList();
        for (Shape shape : outputs.shapes(routing.slots().length)) {
            stacked.add(stack(manager, shape, stacked.size()));
        }
        return new ExpertOutputs(stacked, counts);
    }

    private void markAnswered() {
        kept.forEach(answer -> {
            for (int slot : answer.group().slots()) {
                counts[slot] = true;
            }
        });
        for (int row = 0; row < routing.rows(); row++) {
            int first = row * routing.width();
            int end = first + routing.width();
            long answered =
                    IntStream.range(first, end).filter(slot -> counts[slot]).count();
            if (answered < policy.kMin()) {
                shortRows++;
                if (policy.shortfall() == Shortfall.ZEROS) {
                    Arrays.fill(counts, first, end, false);
                }
            }
        }
    }

    private NDArray stack(NDManager manager, Shape shape, int output) {
        NDArray stacked = manager.zeros(shape, DataType.FLOAT32);
        kept.forEach(answer -> RowFrames.scatter(
                answer.reply().tensors().get(output), stacked, answer.group().slots()));
        return shortRows > 0 && policy.shortfall() == Shortfall.ZEROS ? withoutShort(manager, stacked) : stacked;
    }

    private NDArray withoutShort(NDManager manager, NDArray stacked) {
        long slots = counts.length;
        float[] mask = new float[counts.length];
        for (int slot = 0; slot < mask.length; slot++) {
            mask[slot] = counts[slot] ? 1 : 0;
        }
        NDArray masked = stacked.reshape(slots, -1)
                .mul(manager.create(mask, new Shape(slots, 1)))
                .reshape(stacked.getShape());
        stacked.close();
        return masked;
    }

    /** @throws PeerUnavailableException if fewer answered than the policy asks for */
    void requireEnough(List<Failure> failures) {
        if (routing.experts().isEmpty() && !policy.allowZeroOutputs()) {
            throw new PeerUnavailableException(
                    "No expert was found for any of the %d samples: their scores are not finite, or the DHT did not say who is there"
                            .formatted(routing.rows()));
        }
        if (kept.isEmpty() && !policy.allowZeroOutputs()) {
            throw new PeerUnavailableException("None of the %d experts chosen for this batch answered. %s"
                    .formatted(routing.experts().size(), reason(failures)));
        }
        if (shortRows > 0 && policy.shortfall() == Shortfall.FAIL) {
            throw new PeerUnavailableException(
                    "%d of %d samples were answered by fewer than %d experts: lower kMin, raise kBest or forwardTimeout, or choose another Shortfall. %s"
                            .formatted(shortRows, routing.rows(), policy.kMin(), reason(failures)));
        }
    }

    static String reason(List<Failure> failures) {
        return failures.isEmpty()
                ? "Nobody failed"
                : "The first that failed: " + failures.get(0).error().getMessage();
    }
}
