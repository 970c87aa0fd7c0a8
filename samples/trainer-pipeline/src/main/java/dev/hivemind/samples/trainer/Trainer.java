package dev.hivemind.samples.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.optimizer.ExpertOptimizer;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.RpcTransientException;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import reactor.core.publisher.Mono;

/**
 * The training loop, on the calling thread: forward, loss, backward across the network, one step of the local optimizer.
 * The experts step their own.
 */
public final class Trainer {

    private static final int EVALUATION_BATCH = 500;
    private static final int MAX_FAILURES_IN_A_ROW = 60;
    private static final Duration PAUSE_AFTER_FAILURE = Duration.ofMillis(500);

    private final PictureClassifier model;

    /** A trainer of this model, which stays the caller's. */
    public Trainer(PictureClassifier model) {
        this.model = model;
        TensorOps.prepareThread(1);
    }

    /**
     * Trains for as many steps as planned. A batch for which no expert answers is tried again for about half a minute.
     *
     * @param progress hears of every step
     * @return the last report
     * @throws RpcTransientException if no expert answers for that long
     */
    public StepReport train(PictureDataset pictures, TrainingPlan plan, Consumer<StepReport> progress) {
        var sampler = new BatchSampler(pictures.size(), plan.batchSize(), plan.seed());
        var meter = new ProgressMeter(plan.steps());
        try (ExpertOptimizer optimizer =
                OptimizerConfig.adam(plan.learningRate()).create(model.manager(), model.parameters())) {
            for (int step = 0; step < plan.steps(); step++) {
                double rate = plan.learningRateFactor(step);
                var batch = Batch.of(pictures, sampler.next());
                progress.accept(meter.add(persistently(() -> step(batch, () -> optimizer.step(rate)))));
            }
        }
        return meter.report();
    }

    /** The share of pictures that the model recognises. */
    public double accuracy(PictureDataset pictures) {
        int correct = 0;
        for (int first = 0; first < pictures.size(); first += EVALUATION_BATCH) {
            int[] indices = IntStream.range(first, Math.min(pictures.size(), first + EVALUATION_BATCH))
                    .toArray();
            var batch = Batch.of(pictures, indices);
            correct += persistently(() -> evaluate(batch));
        }
        return (double) correct / pictures.size();
    }

    /** Nothing has been stepped when work fails for want of experts, so it can be repeated. */
    private static <T> T persistently(Supplier<T> work) {
        for (int failures = 1; ; failures++) {
            try {
                return work.get();
            } catch (RpcTransientException e) {
                if (failures == MAX_FAILURES_IN_A_ROW) {
                    throw e;
                }
                Mono.delay(PAUSE_AFTER_FAILURE).block();
            }
        }
    }

    private StepOutcome step(Batch batch, Runnable localStep) {
        try (RemoteTape tape = RemoteTape.open(model.manager())) {
            NDArray logits = model.logits(tape, batch.pixels(tape.manager()));
            NDArray loss = crossEntropy(logits, batch.labels(tape.manager()));
            tape.backward(loss);
            withoutGraph(localStep);
            return new StepOutcome(
                    loss.toFloatArray()[0], batch.countCorrect(logits), batch.size(), model.expertsAnswering());
        } finally {
            model.parameters().values().forEach(TensorOps::zeroGradient);
        }
    }

    private static void withoutGraph(Runnable action) {
        TensorOps.setGradMode(false);
        action.run();
        TensorOps.setGradMode(true);
    }

    private int evaluate(Batch batch) {
        try (RemoteTape tape = RemoteTape.open(model.manager())) {
            return batch.countCorrect(model.logits(tape, batch.pixels(tape.manager())));
        }
    }

    private static NDArray crossEntropy(NDArray logits, NDArray labels) {
        return logits.logSoftmax(1).gather(labels, 1).mean().neg();
    }

    /** What one batch brought. */
    record StepOutcome(double loss, int correct, int rows, int expertsAnswering) {}

    /** Pictures and labels of a batch, still outside the engine. */
    private record Batch(float[] pixels, long[] labels) {

        static Batch of(PictureDataset pictures, int[] indices) {
            float[] pixels = new float[indices.length * pictures.features()];
            long[] labels = new long[indices.length];
            pictures.copyBatch(indices, pixels, labels);
            return new Batch(pixels, labels);
        }

        int size() {
            return labels.length;
        }

        NDArray pixels(NDManager manager) {
            return manager.create(pixels, new Shape(size(), pixels.length / size()));
        }

        NDArray labels(NDManager manager) {
            return manager.create(labels, new Shape(size(), 1));
        }

        int countCorrect(NDArray logits) {
            try (NDArray best = logits.argMax(1)) {
                long[] predicted = best.toLongArray();
                return (int) IntStream.range(0, size())
                        .filter(i -> predicted[i] == labels[i])
                        .count();
            }
        }
    }
}
