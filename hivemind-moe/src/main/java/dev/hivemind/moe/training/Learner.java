package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.optimizer.ExpertOptimizer;
import dev.hivemind.moe.optimizer.Gradients;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.LocalStep.Gathered;
import dev.hivemind.moe.training.LocalStep.Share;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The local weights and their optimizer. What it does is done as a whole or not at all, so that weights, counters and the
 * optimizer's state belong together at any time. Used on the tensor thread; the lock only makes {@link #close} wait for what
 * is under way there.
 *
 * <p>Gradients of a single batch are applied where they gathered. Those of several are added up at the weights themselves
 * first, each by the number of its rows, so that a step is the same as that of one large batch.
 */
final class Learner implements AutoCloseable {

    private final Model model;
    private final TrainingConfig config;
    private final int accumulate;
    private final NDManager manager = TensorOps.newManager();
    private final ExpertOptimizer optimizer;
    private int run;
    private int step;
    private long nextBatch;
    private Gathered gathered = Gathered.NONE;
    private boolean closed;

    /** @param accumulate batches that make a step */
    Learner(Model model, TrainingConfig config, int accumulate) {
        this.model = model;
        this.config = config;
        this.accumulate = accumulate;
        model.parameters().values().forEach(parameter -> parameter.setRequiresGradient(true));
        this.optimizer = config.optimizer().create(manager, model.parameters());
    }

    /** The weights as they are now. */
    synchronized Weights read(NDManager owner, Weights.Mode mode) {
        requireOpen();
        return Weights.read(model, owner, step, mode);
    }

    /** Steps made. */
    synchronized int step() {
        return step;
    }

    /**
     * Takes the gradients of a batch.
     *
     * @param tape the manager of its arrays
     * @return the step that it completed; null if more batches belong to it
     * @throws DivergedException if they are not finite; nothing has changed then
     */
    synchronized @Nullable LocalStep accept(NDManager tape, Share share) {
        requireOpen();
        requireCurrent(share.run());
        if (accumulate > 1) {
            requireFinite(share);
        }
        gathered = gathered.with(share, step - share.weights().version());
        LocalStep made = accumulate == 1 ? apply(share.weights()::leafOf) : added(tape, share);
        share.weights().accepted();
        return made;
    }

    private @Nullable LocalStep added(NDManager tape, Share share) {
        addUp(tape, share);
        return gathered.count() == accumulate ? applyTogether() : null;
    }

    /** Makes a step of what has been gathered, at the end of the data; null if that is nothing. */
    synchronized @Nullable LocalStep finish(int run) {
        requireOpen();
        requireCurrent(run);
        return gathered.count() == 0 ? null : applyTogether();
    }

    /**
     * Begins a run: drops what has been gathered and is no step yet, and takes nothing from the runs before.
     *
     * @return its number
     */
    synchronized int begin() {
        requireOpen();
        forget();
        return ++run;
    }

    private void requireCurrent(int given) {
        if (given != run) {
            throw new IllegalStateException("The training is over");
        }
    }

    /** A sum would not tell which batch it was. */
    private void requireFinite(Share share) {
        if (!share.weights().haveFiniteGradients()) {
            throw diverged(share.batch().index());
        }
    }

    private DivergedException diverged(long batch) {
        forget();
        return new DivergedException("The gradient", step, batch, null);
    }

    private void forget() {
        gathered = Gathered.NONE;
        if (accumulate > 1) {
            model.parameters().values().forEach(TensorOps::zeroGradient);
        }
    }

    private void addUp(NDManager tape, Share share) {
        TensorOps.withGradMode(true, () -> {
            for (NDArray weight : model.parameters().values()) {
                try (NDArray gradient = share.weights().leafOf(weight).getGradient();
                        NDArray place = TensorOps.placeInGraph(weight, tape)) {
                    gradient.muli(share.batch().rows());
                    TensorOps.vectorJacobianProduct(place, gradient, false);
                }
            }
            return share;
        });
    }

    private LocalStep applyTogether() {
        Gradients.scale(model.parameters().values(), 1.0 / gathered.rows());
        LocalStep made = apply(UnaryOperator.identity());
        forget();
        return made;
    }

    /** @param holders from each weight to the array that has its gradient */
    private LocalStep apply(UnaryOperator<NDArray> holders) {
        return TensorOps.withGradMode(false, () -> {
            double norm = requireFiniteNorm(holders);
            double clip = Gradients.clipFactor(norm, config.maxGradientNorm());
            double factor = config.schedule().factor(step);
            optimizer.step(
                    factor, weight -> Gradients.times(holders.apply(weight).getGradient(), clip));
            step++;
            nextBatch = gathered.last() + 1;
            var made = new LocalStep(
                    gathered, step, norm, factor * config.optimizer().learningRate());
            gathered = Gathered.NONE;
            return made;
        });
    }

    private double requireFiniteNorm(UnaryOperator<NDArray> holders) {
        double norm = Gradients.globalNorm(
                model.parameters().values().stream().map(holders).toList());
        if (!Double.isFinite(norm)) {
            throw diverged(gathered.last());
        }
        return norm;
    }

    /** All that is needed to go on from here. */
    synchronized TrainerState capture(long seed) {
        requireOpen();
        Map<String, NDArray> weights = new LinkedHashMap<>(model.parameters());
        weights.putAll(model.buffers());
        return new TrainerState(step, nextBatch, seed, TensorCopies.of(weights), TensorCopies.of(optimizer.state()));
    }

    /**
     * Goes on from a state.
     *
     * @throws IllegalArgumentException if it is that of another model or optimizer; nothing has changed then
     */
    synchronized void restore(TrainerState state) {
        requireOpen();
        Map<String, NDArray> weights = new LinkedHashMap<>(model.parameters());
        weights.putAll(model.buffers());
        TensorCopies.requireFit("local weights", weights, state.parameters());
        TensorCopies.requireFit("arrays of the optimizer", optimizer.state(), state.optimizer());
        TensorCopies.restore(weights, state.parameters());
        TensorCopies.restore(optimizer.state(), state.optimizer());
        optimizer.continueAfter(state.step());
        step = state.step();
        nextBatch = state.nextBatch();
        begin();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("The pipeline is closed");
        }
    }

    /** Frees the state of the optimizer. Idempotent. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            optimizer.close();
            manager.close();
        }
    }
}
