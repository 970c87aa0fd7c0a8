package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Puts what experts answered into the slots that chose them, on the thread of the tape. Experts have the same outputs, or
 * those lose whose rows are fewer.
 */
final class Placement {

    private final Routing routing;
    private final MixturePolicy policy;
    private final NDList inputs;
    private final boolean[] counts;
    private List<Answer> kept = List.of();
    private int shortRows;

    Placement(Routing routing, MixturePolicy policy, NDList inputs) {
        this.routing = routing;
        this.policy = policy;
        this.inputs = inputs;
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

    /**
     * The answers in their slots.
     *
     * @param failures takes those whose outputs are unlike the others'
     * @param known shapes that were seen before, for a batch that nobody answers; is told of new ones
     */
    ExpertOutputs outputs(NDManager manager, List<Answer> answers, List<Failure> failures, RowShapes known) {
        List<TensorDescriptor> rowShapes = majority(answers);
        kept = answers.stream()
                .filter(answer -> rowsOf(answer).equals(rowShapes) || !failures.add(unlike(answer, rowShapes)))
                .toList();
        markAnswered();
        NDList stacked = new NDList();
        for (Shape shape : known.shapes(rowShapes, inputs.head(), routing.slots().length)) {
            stacked.add(stack(manager, shape, stacked.size()));
        }
        return new ExpertOutputs(stacked, counts);
    }

    private static List<TensorDescriptor> majority(List<Answer> answers) {
        Map<List<TensorDescriptor>, Integer> rows = new HashMap<>();
        answers.forEach(answer -> rows.merge(rowsOf(answer), answer.group().rows().length, Integer::sum));
        List<TensorDescriptor> most = rows.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .orElse(List.of());
        if (most.stream().anyMatch(output -> output.elementType() != ElementType.FLOAT32)) {
            throw new SchemaMismatchException(
                    "Outputs of experts in a mixture are float32, not %s: a weighted sum needs that".formatted(most));
        }
        return most;
    }

    /** One row of each output. */
    private static List<TensorDescriptor> rowsOf(Answer answer) {
        return answer.reply().descriptors().stream()
                .map(ElementTypes::asArray)
                .map(output -> {
                    List<Long> row = new ArrayList<>(output.shape());
                    row.set(0, 1L);
                    return new TensorDescriptor(output.elementType(), row);
                })
                .toList();
    }

    private static Failure unlike(Answer answer, List<TensorDescriptor> others) {
        var error = new ExpertFailedException("%s answered with rows of %s, other experts of the mixture with %s"
                .formatted(answer.group().handle(), rowsOf(answer), others));
        return new Failure(answer.group(), error, false, answer.nanos());
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
