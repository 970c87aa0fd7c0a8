package dev.hivemind.benchmarks.throughput;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** One device thread's part of the bare work: the same batch again and again, for one expert after another. */
final class BareLoop {

    private static final int MIN_ROUNDS = 2;

    private final List<BareExpert> experts;
    private final int forwardRows;
    private final int backwardRows;
    private final long deadlineNanos;
    private final CountDownLatch measured;
    private long forwardNanos;
    private long backwardNanos;
    private int rounds;
    private int turn;

    /**
     * @param backwardRows 0 for forward alone
     * @param measured is counted down by each loop that has what it needs; all go on until it is zero, so that each is
     *     measured beside the others
     */
    BareLoop(List<BareExpert> experts, int forwardRows, int backwardRows, long deadlineNanos, CountDownLatch measured) {
        this.experts = experts;
        this.forwardRows = forwardRows;
        this.backwardRows = backwardRows;
        this.deadlineNanos = deadlineNanos;
        this.measured = measured;
    }

    /** How many samples were computed per second. */
    double run() {
        try (NDManager manager = TensorOps.newManager()) {
            BareExpert first = experts.get(0);
            NDArray input = first.tensor(manager, forwardRows);
            NDArray backwardInput = first.tensor(manager, backwardRows);
            NDArray gradient = first.tensor(manager, backwardRows);
            while (rounds < MIN_ROUNDS || System.nanoTime() - deadlineNanos < 0) {
                round(manager, input, backwardInput, gradient);
                rounds++;
            }
            double rate = rate();
            measured.countDown();
            while (measured.getCount() > 0) {
                round(manager, input, backwardInput, gradient);
            }
            return rate;
        }
    }

    private void round(NDManager manager, NDArray input, NDArray backwardInput, NDArray gradient) {
        BareExpert expert = experts.get(turn++ % experts.size());
        long start = System.nanoTime();
        expert.forward(manager, input);
        long forwardEnd = System.nanoTime();
        forwardNanos += forwardEnd - start;
        if (backwardRows > 0) {
            expert.backward(manager, backwardInput, gradient);
            backwardNanos += System.nanoTime() - forwardEnd;
        }
    }

    private double rate() {
        double nanosPerSample = (double) forwardNanos / rounds / forwardRows
                + (backwardRows > 0 ? (double) backwardNanos / rounds / backwardRows : 0);
        return 1e9 / nanosPerSample;
    }
}
