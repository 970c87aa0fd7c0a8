package dev.hivemind.launcher;

import ai.djl.ndarray.NDManager;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.output.ProgressMeter;
import dev.hivemind.launcher.process.EndSignal;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.data.BatchSource;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.gating.GridMismatchException;
import dev.hivemind.moe.mixture.ExpertSearch;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.Evaluation;
import dev.hivemind.moe.training.Patience;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.moe.training.checkpoint.Checkpoint;
import dev.hivemind.moe.training.report.TrainingEvents;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.samples.trainer.Countdown;
import dev.hivemind.samples.trainer.FashionMnist;
import dev.hivemind.samples.trainer.Joining;
import dev.hivemind.samples.trainer.PictureClassifier;
import dev.hivemind.samples.trainer.PictureClassifier.ModelSize;
import dev.hivemind.samples.trainer.RunRecorder;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Trains a classifier of pictures through the experts of a swarm, until all is learned or somebody ends it. Blocks the
 * thread that uses it.
 */
final class PictureTraining {

    /** How long batches under way may take when somebody ends the training. */
    private static final Duration END_GRACE = Duration.ofSeconds(10);

    /** How long the last checkpoint may take after that. */
    private static final Duration SAVE_GRACE = Duration.ofSeconds(10);

    private final TrainOptions options;
    private final FashionMnist data;
    private final TrainDisplay display;
    private final EndSignal end;
    private final BatchSource batches;
    private final @Nullable RunRecorder recorder;
    private final EventFeed events = new EventFeed(Clock.systemUTC());
    private final ProgressMeter meter;
    private final long total;
    private int resumedStep;
    private volatile @Nullable StepReport last;

    /** @throws IllegalArgumentException if there is more to learn than can be counted */
    PictureTraining(TrainOptions options, FashionMnist data, TrainDisplay display, EndSignal end) {
        this.options = options;
        this.data = data;
        this.display = display;
        this.end = end;
        var learning = options.learning();
        this.batches = BatchSource.builder(data.training())
                .batchSize(learning.batchSize())
                .seed(learning.seed())
                .build();
        this.total = learning.steps() != null ? learning.steps() : firstBatchOf(learning.epochs());
        requireCountable();
        this.meter = new ProgressMeter(Math.toIntExact(total));
        this.recorder = options.run().directory() == null
                ? null
                : new RunRecorder(options.run().directory());
    }

    private void requireCountable() {
        if (total > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("%d steps are more than the %d that can be made: fewer --epochs, please"
                    .formatted(total, Integer.MAX_VALUE));
        }
    }

    Outcome run() throws InterruptedException {
        long start = System.nanoTime();
        PeerNode node = PeerNode.builder().build();
        Disposable reporting = options.run().reportTo() == null
                ? Disposables.disposed()
                : events.reportTo(node, options.run().reportTo());
        try {
            Evaluation test = train(node);
            var outcome = Outcome.of(!end.hasArrived(), last, test, Duration.ofNanos(System.nanoTime() - start));
            return last == null ? outcome.withSteps(resumedStep) : outcome;
        } finally {
            reporting.dispose();
            node.close().block();
        }
    }

    private @Nullable Evaluation train(PeerNode node) throws InterruptedException {
        var swarm = options.swarm();
        DhtNode dht = await(
                node.start().then(new Joining(node, swarm.initialPeers(), swarm.patience(), display::waiting).join()));
        var calls = CallPolicy.DEFAULT.withActivations(swarm.compression()).withGradients(swarm.compression());
        ExpertClient client = ExpertClient.create(node, new ExpertDirectory(dht), calls);
        try (NDManager manager = TensorOps.newManager();
                TrainingPipeline pipeline = pipeline(client, manager, await(width(client)))) {
            long first = firstBatch(pipeline);
            display.begin(Math.toIntExact(total));
            return epochs(pipeline, first)
                    .takeUntilOther(end.arrival().delayElement(END_GRACE.plus(SAVE_GRACE)))
                    .block();
        } finally {
            display.end();
            client.dispose();
            dht.close().block();
        }
    }

    private <T> T await(Mono<T> wanted) throws InterruptedException {
        return wanted.takeUntilOther(end.arrival())
                .blockOptional()
                .orElseThrow(() -> new InterruptedException("Somebody ended the training before it began"));
    }

    /** How many features the experts take and give, as one of them says. */
    private Mono<Integer> width(ExpertClient client) {
        var swarm = options.swarm();
        return Mono.defer(() -> ExpertSearch.create(client, swarm.grid())
                        .best(new float[swarm.grid().scores()], 1))
                .flatMap(found -> Mono.justOrEmpty(found.get(0).stream().findFirst()))
                .switchIfEmpty(Mono.error(
                        () -> new PeerUnavailableException("Nobody hosts experts in %s".formatted(swarm.grid()))))
                .flatMap(RemoteExpert::info)
                .retryWhen(Countdown.of(swarm.patience(), display::waiting))
                .onErrorMap(
                        GridMismatchException.class, error -> new LauncherException(String.valueOf(error.getMessage())))
                .map(this::requireWidth);
    }

    private int requireWidth(ExpertSchema schema) {
        List<TensorDescriptor> inputs = ofOneRow(schema.inputs());
        boolean simple = inputs.size() == 1
                && inputs.equals(ofOneRow(schema.outputs()))
                && inputs.get(0).elementType() == ElementType.FLOAT32
                && inputs.get(0).shape().size() == 2;
        if (!simple) {
            throw new LauncherException(
                    "The experts in %s take %s and give %s, but this model needs rows of float32, as wide as each other"
                            .formatted(options.swarm().grid(), schema.inputs(), schema.outputs()));
        }
        return Math.toIntExact(inputs.get(0).shape().get(1));
    }

    private static List<TensorDescriptor> ofOneRow(List<TensorSpec> tensors) {
        return tensors.stream().map(tensor -> tensor.withRows(1)).toList();
    }

    private TrainingPipeline pipeline(ExpertClient client, NDManager manager, int width) {
        var learning = options.learning();
        var size = new ModelSize(data.training().features(), width, FashionMnist.CLASSES);
        var mixture = RemoteMixtureOfExperts.builder(client, manager)
                .grid(options.swarm().grid())
                .inFeatures(width)
                .kBest(options.swarm().kBest())
                .seed(learning.seed())
                .events(events)
                .build();
        return PictureClassifier.describe(client, manager, size, mixture, learning.seed())
                .optimizer(OptimizerConfig.adam(learning.rate()))
                .schedule(new LearningRateSchedule.Cosine(0, Math.toIntExact(total), 0))
                .concurrency(learning.concurrency())
                .patience(Patience.DEFAULT.withTimeout(options.swarm().patience()))
                .onWaiting(waiting -> display.waiting(waiting.cause(), waiting.left()))
                .build();
    }

    /** The first that the weights have not learned from. */
    private long firstBatch(TrainingPipeline pipeline) {
        if (recorder == null) {
            return 0;
        } else if (!options.run().resume()) {
            recorder.requireFresh();
            return 0;
        }
        Checkpoint latest = recorder.latest();
        return latest == null
                ? 0
                : resumed(pipeline, latest.requireData(batches.identity()).state());
    }

    private long resumed(TrainingPipeline pipeline, TrainerState state) {
        try {
            pipeline.restore(state).block();
        } catch (IllegalArgumentException ofAnotherModel) {
            throw new LauncherException(String.valueOf(ofAnotherModel.getMessage()), ofAnotherModel);
        }
        resumedStep = state.step();
        display.resumed(resumedStep);
        return state.nextBatch();
    }

    /** The first batch that begins with a picture of this epoch: a batch may have the last ones of the epoch before. */
    private long firstBatchOf(long epoch) {
        int batchSize = options.learning().batchSize();
        return (epoch * data.training().size() + batchSize - 1) / batchSize;
    }

    private Mono<Evaluation> epochs(TrainingPipeline pipeline, long firstBatch) {
        var told = new TrainingEvents(events, recorder == null ? "pictures" : recorder.name());
        int firstEpoch = Math.toIntExact(
                firstBatch * options.learning().batchSize() / data.training().size());
        return Flux.<Integer, Integer>generate(() -> firstEpoch, (epoch, sink) -> {
                    if (firstBatchOf(epoch) >= total || end.hasArrived()) {
                        sink.complete();
                    } else {
                        sink.next(epoch);
                    }
                    return epoch + 1;
                })
                .concatMap(epoch -> epoch(pipeline, told, epoch, firstBatch), 0)
                .reduce((before, after) -> after)
                .switchIfEmpty(
                        Mono.defer(() -> end.hasArrived() ? Mono.empty() : pipeline.evaluate(data.testBatches())));
    }

    private Mono<Evaluation> epoch(TrainingPipeline pipeline, TrainingEvents told, int epoch, long firstBatch) {
        long first = Math.max(firstBatch, firstBatchOf(epoch));
        long afterLast = Math.min(total, firstBatchOf(epoch + 1L));
        Flux<Batch> rest =
                batches.batches(first).take(Math.max(0, afterLast - first)).takeUntilOther(end.arrival());
        // Ends as if all went well, so that what was learned is saved, also while experts are waited for.
        Flux<StepReport> reports =
                pipeline.train(rest).takeUntilOther(end.arrival().delayElement(END_GRACE));
        return recorded(pipeline, reports)
                .doOnNext(told)
                .doOnNext(this::reached)
                .then(Mono.defer(() -> end.hasArrived() ? Mono.empty() : pipeline.evaluate(data.testBatches())))
                .doOnNext(test -> display.evaluated(epoch + 1, test));
    }

    private Flux<StepReport> recorded(TrainingPipeline pipeline, Flux<StepReport> reports) {
        return recorder == null ? reports : recorder.record(reports, pipeline.capture(), batches.identity());
    }

    private void reached(StepReport report) {
        last = report;
        display.reached(meter.add(report));
    }

    /**
     * What came of a training.
     *
     * @param isWhole whether all was learned that was to be
     * @param test how good the model is; null if the training was ended before it was tested
     * @param steps of all runs that led here
     * @param seconds of this run
     * @param samplesPerSecond while training
     * @param remoteCalls to experts, forward and backward
     * @param failedCalls among them
     * @param lostBatches that experts may have learned from and the local layers have not
     */
    record Outcome(
            boolean isWhole,
            @Nullable Evaluation test,
            int steps,
            double seconds,
            double samplesPerSecond,
            long remoteCalls,
            long failedCalls,
            long lostBatches) {

        private Outcome withSteps(int made) {
            return new Outcome(isWhole, test, made, seconds, samplesPerSecond, remoteCalls, failedCalls, lostBatches);
        }

        private static Outcome of(boolean whole, @Nullable StepReport last, @Nullable Evaluation test, Duration took) {
            double seconds = took.toNanos() / 1e9;
            if (last == null) {
                return new Outcome(whole, test, 0, seconds, 0, 0, 0, 0);
            }
            var totals = last.totals();
            return new Outcome(
                    whole,
                    test,
                    last.step(),
                    seconds,
                    totals.samplesPerSecond(),
                    totals.calls(),
                    totals.failedCalls(),
                    totals.lostBatches());
        }
    }
}
