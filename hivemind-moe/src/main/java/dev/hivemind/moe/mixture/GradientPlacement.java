package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.List;
import java.util.stream.LongStream;

/** Adds up the gradients that experts answered, row by row, on the thread of the tape. */
final class GradientPlacement {

    private final MixturePolicy policy;
    private final List<Group> called;
    private final int[] asked;
    private final int[] answered;
    private List<Answer> answers = List.of();

    /** @param called the calls that were made */
    GradientPlacement(int rows, MixturePolicy policy, List<Group> called) {
        this.policy = policy;
        this.called = called;
        this.asked = new int[rows];
        this.answered = new int[rows];
        called.forEach(group -> count(group, asked));
    }

    private static void count(Group group, int[] rows) {
        for (int row : group.rows()) {
            rows[row]++;
        }
    }

    /** What was placed. */
    List<Answer> answers() {
        return answers;
    }

    /** One for each input, in their order; those of inputs that are no floating point numbers mean nothing. */
    NDList gradients(NDManager manager, NDList inputs, List<Answer> received) {
        answers = received;
        received.forEach(answer -> count(answer.group(), answered));
        NDList gradients = new NDList(inputs.size());
        for (int i = 0; i < inputs.size(); i++) {
            NDArray input = inputs.get(i);
            gradients.add(input.getDataType().isFloating() ? sum(manager, input, i) : input);
        }
        return gradients;
    }

    private NDArray sum(NDManager manager, NDArray input, int index) {
        NDArray sum = manager.zeros(input.getShape(), input.getDataType());
        answers.forEach(answer -> RowFrames.scatterAdd(
                answer.reply().tensors().get(index), sum, answer.group().rows()));
        return shortRows() > 0 && policy.shortfall() == Shortfall.ZEROS ? withoutShort(manager, sum) : sum;
    }

    private NDArray withoutShort(NDManager manager, NDArray sum) {
        float[] mask = new float[asked.length];
        for (int row = 0; row < mask.length; row++) {
            mask[row] = isShort(row) ? 0 : 1;
        }
        long[] shape = LongStream.concat(
                        LongStream.of(mask.length),
                        LongStream.generate(() -> 1).limit(sum.getShape().dimension() - 1L))
                .toArray();
        NDArray masked = sum.mul(manager.create(mask, new Shape(shape)));
        sum.close();
        return masked;
    }

    private boolean isShort(int row) {
        return answered[row] < Math.min(policy.backwardKMin(), asked[row]);
    }

    private int shortRows() {
        int rows = 0;
        for (int row = 0; row < asked.length; row++) {
            rows += isShort(row) ? 1 : 0;
        }
        return rows;
    }

    /** @throws PeerUnavailableException if fewer answered than the policy asks for */
    void requireEnough(List<Failure> failures) {
        if (answers.isEmpty() && !called.isEmpty() && !policy.allowZeroOutputs()) {
            throw new PeerUnavailableException(
                    "None of the %d experts that answered this batch answered its gradients. %s"
                            .formatted(called.size(), Placement.reason(failures)));
        }
        int rows = shortRows();
        if (rows > 0 && policy.shortfall() == Shortfall.FAIL) {
            throw new PeerUnavailableException(
                    "The gradients of %d of %d samples were answered by fewer than %d experts: lower backwardKMin, raise backwardTimeout, or choose another Shortfall. %s"
                            .formatted(rows, asked.length, policy.backwardKMin(), Placement.reason(failures)));
        }
    }
}
