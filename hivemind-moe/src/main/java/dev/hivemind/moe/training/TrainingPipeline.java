package dev.hivemind.moe.training;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Block;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.TrainableLayer;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.mixture.RemoteSwitchMixtureOfExperts;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.training.Setup.Goal;
import dev.hivemind.moe.training.Setup.Limits;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Trains a model of local and remote segments: batches in, reports out.
 *
 * <pre>{@code
 * try (TrainingPipeline pipeline = TrainingPipeline.builder(client)
 *         .local("encoder", encoder)
 *         .mixture("experts", mixture)
 *         .local("decoder", decoder)
 *         .loss(Loss.crossEntropy())
 *         .optimizer(OptimizerConfig.adam(1e-3))
 *         .concurrency(4)
 *         .build()) {
 *     pipeline.train(batches).doOnNext(System.out::println).blockLast();
 * }
 * }</pre>
 *
 * <p>Local segments are stepped here; experts step themselves as batches go backward through them. With a
 * {@code concurrency} above 1, other batches compute while one waits for its experts, and each reads copies of the local
 * weights. Gradients are applied in the order of the batches, whatever the order in which they are ready, so that the
 * weights are at any time those of the first so many batches. With a concurrency of 1 and a {@linkplain Builder#seed seed},
 * a training of local segments gives the same numbers each time.
 *
 * <p>Batches are asked for one by one, each when it may begin at once: never are more than {@code concurrency} under way,
 * nor any whose report was not requested. An operator behind that requests little, such as {@code concatMap} with a
 * prefetch of 0, keeps as few batches under way.
 *
 * <p>A batch for which experts are missing is tried again, as {@link Patience} has it, while those behind it wait; nothing
 * has been stepped for it then. When experts fail on the way back, some of them may have learned from the batch: it is
 * given up and counted.
 *
 * <p>Errors of training: {@link PeerUnavailableException} when patience is over, {@link DivergedException} when a loss or a
 * gradient is not finite, {@link SchemaMismatchException} when a batch does not fit an expert, those of the source, those
 * of local segments, and {@link IllegalStateException} when the pipeline or its client is closed or another training is
 * under way. Each comes after the reports of all batches before it. Cancellation ends what is under way, here and at the
 * experts; a step that has begun is finished. Running averages, such as those of batch normalization, follow each batch that has its
 * part in a step, in the order of the batches.
 *
 * <p>Threads: all computation happens on the client's tensor thread. Reports are emitted there as a rule, else on a thread
 * of the source or of a request that had something to do just then; never on two at once. What handles them is quick, or
 * goes elsewhere. While a training is under way, weights are to be touched by nobody else. Weights belong to
 * those who made them; the pipeline owns the state of the optimizer until it is closed.
 */
public final class TrainingPipeline implements AutoCloseable {

    private final Setup setup;
    private final AtomicBoolean training = new AtomicBoolean();

    private TrainingPipeline(Setup setup) {
        this.setup = setup;
    }

    /**
     * Starts the description of a pipeline.
     *
     * @param client calls the experts, and computes
     */
    public static Builder builder(ExpertClient client) {
        return new Builder(client);
    }

    /**
     * Trains on batches until there are no more, one report a step. May be subscribed again, also to other batches, and goes
     * on where the last subscription ended; one subscription at a time. Of batches that were accumulated but are no step
     * yet, a step is made at the end of the source; when cancelled, they are forgotten.
     */
    public Flux<StepReport> train(Flux<Batch> batches) {
        requireNonNull(batches, "batches");
        return Flux.using(
                this::begin,
                begun -> onTensorThread(setup.learner()::begin)
                        .flatMapMany(run -> TrainingRun.reports(setup, run, batches)),
                begun -> training.set(false));
    }

    private AtomicBoolean begin() {
        if (!training.compareAndSet(false, true)) {
            throw new IllegalStateException("The pipeline is training already: one training at a time");
        }
        return training;
    }

    /**
     * Goes forward through batches, without noise and without learning. As many batches at once as in training. While a
     * training is under way, each batch sees the weights of one moment.
     *
     * <p>Errors are those of training, but a loss that is not finite is a result like others.
     * {@link DivergedException} comes only if experts cannot be asked for what is not finite.
     */
    public Mono<Evaluation> evaluate(Flux<Batch> batches) {
        requireNonNull(batches, "batches");
        return batches.flatMapSequential(
                        batch -> new BatchWork(setup, batch, 0, () -> {}).evaluate(training.get()),
                        setup.limits().concurrency(),
                        1)
                .reduce(Evaluation.NONE, Evaluation::and);
    }

    /** All that a trainer needs to go on, copied between two steps, also while training is under way. */
    public Mono<TrainerState> capture() {
        return onTensorThread(() -> setup.learner().capture(setup.seed().orElse(0)));
    }

    /**
     * Goes on from a state, as if this pipeline had come to it itself. To be done while no training is under way.
     *
     * <p>Errors: {@link IllegalArgumentException} if the state is that of another model, optimizer or seed, and
     * {@link IllegalStateException} if a training is under way; nothing has changed then.
     */
    public Mono<Void> restore(TrainerState state) {
        requireNonNull(state, "state");
        return Mono.using(this::begin, begun -> onTensorThread(() -> restored(state)), begun -> training.set(false))
                .then();
    }

    private TrainerState restored(TrainerState state) {
        long seed = setup.seed().orElse(0);
        if (state.seed() != seed) {
            throw new IllegalArgumentException(
                    "The state is of a training with seed %d, but this pipeline has %d".formatted(state.seed(), seed));
        }
        setup.learner().restore(state);
        return state;
    }

    /** The weights that are trained here, by {@code segment.parameter}. They belong to those who made the segments. */
    public Map<String, NDArray> parameters() {
        return setup.model().parameters();
    }

    private <T> Mono<T> onTensorThread(Supplier<T> work) {
        return ReactiveTape.forwardOnly(setup.client(), tape -> tape.local(work));
    }

    /** Frees the state of the optimizer; a training under way ends in an {@link IllegalStateException}. Idempotent. */
    @Override
    public void close() {
        setup.learner().close();
    }

    /** Collects the settings of a pipeline. Segments are passed in the order of their addition. Not thread-safe. */
    public static final class Builder {

        private static final int DEFAULT_CONCURRENCY = 1;

        private final ExpertClient client;
        private final List<Segment> segments = new ArrayList<>();
        private @Nullable Loss loss;
        private @Nullable Metric metric;
        private TrainingConfig learning = TrainingConfig.of(OptimizerConfig.sgd());
        private int concurrency = DEFAULT_CONCURRENCY;
        private @Nullable Integer maxStaleness;
        private int accumulate = 1;
        private Patience patience = Patience.DEFAULT;
        private Consumer<Waiting> waiting = event -> {};
        private OptionalLong seed = OptionalLong.empty();

        private Builder(ExpertClient client) {
            this.client = requireNonNull(client, "client");
        }

        /**
         * A DJL block that is trained here, but for what is frozen of it.
         *
         * @param name unique, without dots; its weights are called {@code name.parameter}
         * @param block initialized
         */
        public Builder local(String name, Block block) {
            return layer(name, new BlockLayer(name, block));
        }

        /** An expert of another peer, which takes whole batches. */
        public Builder remote(String name, RemoteExpert expert) {
            return add(RemoteSegment.of(requireName(name), requireNonNull(expert, "expert")));
        }

        /** A mixture of experts, whose gate is trained here. */
        public Builder mixture(String name, RemoteMixtureOfExperts mixture) {
            String known = requireName(name);
            return add(new Segment(
                    known, "segment '%s'".formatted(known), mixture.asLayer(), Usage.of(mixture.statistics())));
        }

        /**
         * A switch among experts, whose gate is trained here. Its balancing loss is added to the loss of batches that are
         * trained, not of those that are evaluated. Its noise and what it knows of the use of its grid are no part of a
         * {@link TrainerState}: they begin anew when a training is resumed.
         *
         * @param balancing factor on the balancing loss, at least 0; 0.01 is usual
         */
        public Builder mixture(String name, RemoteSwitchMixtureOfExperts mixture, double balancing) {
            if (!(balancing >= 0 && balancing < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("balancing is at least 0 and finite, not " + balancing);
            }
            String known = requireName(name);
            return add(new Segment(
                    known,
                    "segment '%s'".formatted(known),
                    mixture.asLayer(),
                    Usage.of(mixture.statistics()),
                    OptionalDouble.of(balancing)));
        }

        /** A layer of one's own: what it has to be trained here if it is a {@link TrainableLayer}, else nothing. */
        public Builder layer(String name, Layer layer) {
            return add(Segment.of(requireName(name), requireNonNull(layer, "layer")));
        }

        private Builder add(Segment segment) {
            segments.add(segment);
            return this;
        }

        private String requireName(String name) {
            requireNonNull(name, "name");
            if (name.isEmpty() || name.contains(".") || name.contains("/")) {
                throw new IllegalArgumentException(
                        "A segment has a name without dots and slashes, unlike '%s'".formatted(name));
            }
            if (segments.stream().anyMatch(segment -> segment.name().equals(name))) {
                throw new IllegalArgumentException("There is a segment '%s' already".formatted(name));
            }
            return name;
        }

        /** What is made small. Required. */
        public Builder loss(Loss loss) {
            this.loss = requireNonNull(loss, "loss");
            return this;
        }

        /** What else is reported. Default: nothing. */
        public Builder metric(Metric metric) {
            this.metric = requireNonNull(metric, "metric");
            return this;
        }

        /** How local segments learn. Default: {@link OptimizerConfig#sgd()}. */
        public Builder optimizer(OptimizerConfig optimizer) {
            learning = new TrainingConfig(optimizer, learning.schedule(), learning.maxGradientNorm());
            return this;
        }

        /** Of the learning rate of local segments. Default: constant. */
        public Builder schedule(LearningRateSchedule schedule) {
            learning = learning.withSchedule(schedule);
            return this;
        }

        /**
         * Norm over all local parameters above which gradients are scaled down, before each step. Default: infinity, for no
         * bound.
         */
        public Builder maxGradientNorm(double norm) {
            learning = learning.withMaxGradientNorm(norm);
            return this;
        }

        /**
         * Batches that make one step of the local optimizer, by the average of their gradients over all rows; experts do
         * not wait for it. Default: 1.
         */
        public Builder accumulate(int batches) {
            this.accumulate = requireAtLeast(1, batches, "accumulate");
            return this;
        }

        /** Batches that are under way at once. Default: 1. */
        public Builder concurrency(int batches) {
            this.concurrency = requireAtLeast(1, batches, "concurrency");
            return this;
        }

        /**
         * Steps of other batches that may lie between a batch's reading of the local weights and its own step; a batch
         * begins only when it cannot come to more. Default: {@code concurrency - 1}, which holds nobody up.
         */
        public Builder maxStaleness(int steps) {
            this.maxStaleness = requireAtLeast(0, steps, "maxStaleness");
            return this;
        }

        private static int requireAtLeast(int least, int value, String name) {
            if (value < least) {
                throw new IllegalArgumentException("%s is at least %d, not %d".formatted(name, least, value));
            }
            return value;
        }

        /** How long missing experts are waited for. Default: {@link Patience#DEFAULT}. */
        public Builder patience(Patience patience) {
            this.patience = requireNonNull(patience, "patience");
            return this;
        }

        /** Told before each wait for missing experts, on any thread; must not wait. Default: nobody. */
        public Builder onWaiting(Consumer<Waiting> listener) {
            this.waiting = requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Makes the randomness of local segments, such as dropout, follow from this number and the index of a batch: the
         * engine's generator, of which the JVM has one, is seeded before each segment of a batch that is trained. With a
         * concurrency above 1, other batches may draw from it before a {@linkplain #layer layer} of one's own does.
         * Default: left alone.
         */
        public Builder seed(long seed) {
            this.seed = OptionalLong.of(seed);
            return this;
        }

        /**
         * The pipeline.
         *
         * @throws IllegalArgumentException if a setting is missing or does not fit; says what to change
         */
        public TrainingPipeline build() {
            if (loss == null) {
                throw new IllegalArgumentException("A loss is required, for example Loss.crossEntropy()");
            }
            var model = new Model(segments);
            int staleness = maxStaleness == null ? concurrency - 1 : maxStaleness;
            return new TrainingPipeline(new Setup(
                    client,
                    model,
                    new Learner(model, learning, accumulate),
                    new Goal(loss, metric),
                    new Limits(concurrency, staleness, accumulate),
                    patience,
                    waiting,
                    seed));
        }
    }
}
