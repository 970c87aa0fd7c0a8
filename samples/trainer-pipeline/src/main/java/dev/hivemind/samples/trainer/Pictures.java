package dev.hivemind.samples.trainer;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.data.BatchSource;
import dev.hivemind.moe.data.DataException;
import dev.hivemind.moe.gating.GridMismatchException;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.DivergedException;
import dev.hivemind.moe.training.EarlyStopping;
import dev.hivemind.moe.training.Evaluation;
import dev.hivemind.moe.training.Loss;
import dev.hivemind.moe.training.Metric;
import dev.hivemind.moe.training.Patience;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.moe.training.checkpoint.Checkpoint;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import dev.hivemind.moe.training.report.TrainingEvents;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.EventFeed;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Trains a classifier of clothes through a mixture of remote experts: a local layer in front, sixteen experts of other
 * processes in the middle, a local layer behind. Host the experts first:
 *
 * <pre>{@code
 * ./hivemind server --expert-pattern ffn.[0:4].[0:4] --num-experts 16 --hidden-dim 64 \
 *     --optimizer adam --learning-rate 0.002 --listen-on 127.0.0.1:1337
 * }</pre>
 */
public final class Pictures {

    private static final String GRID = "ffn.[0:4].[0:4]";
    private static final int HIDDEN_DIM = 64;
    private static final int BATCH_SIZE = 64;
    /** Epochs without a better loss on the test pictures, after which training ends early. */
    private static final int PATIENCE = 3;

    private static final int FAILED = 1;
    private static final int USAGE = 2;
    private static final int PEER_IS_MISSING = 3;
    private static final long SEED = 1;

    private final FashionMnist data;
    private final BatchSource batches;
    private final PicturesOptions options;
    private final @Nullable RunRecorder recorder;
    private final EventFeed events = new EventFeed(Clock.systemUTC());

    /** A training that is ready to begin. */
    Pictures(FashionMnist data, PicturesOptions options) {
        this.data = data;
        this.batches = BatchSource.builder(data.training())
                .batchSize(BATCH_SIZE)
                .seed(SEED)
                .build();
        this.options = options;
        this.recorder = options.directory() == null ? null : new RunRecorder(options.directory());
    }

    /**
     * Arguments: the address of a server, for example {@code 127.0.0.1:1337}, then optionally how many epochs, and a
     * directory for checkpoints and reports. With {@code --resume} it goes on from the last checkpoint there; without, a
     * directory that holds checkpoints is refused. {@code --report-to HOST:PORT} tells a dashboard of each step and of each
     * call to an expert. A server or experts that are missing are waited for, {@code --wait SECONDS} long.
     *
     * <p>Exit codes: 0, all went well; 1, it failed; 2, the arguments are wrong; 3, there is no server, or no expert.
     */
    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    private static int run(String... arguments) {
        PicturesOptions options;
        try {
            options = PicturesOptions.parse(arguments);
        } catch (IllegalArgumentException e) {
            System.err.println(PicturesOptions.USAGE);
            return failed(e, USAGE);
        }
        try (FashionMnist data = FashionMnist.bundled()) {
            new Pictures(data, options).train();
            return 0;
        } catch (PeerUnavailableException e) {
            return failed(e, PEER_IS_MISSING);
        } catch (CheckpointException | DataException | DivergedException | GridMismatchException | RpcException e) {
            return failed(e, FAILED);
        }
    }

    private static int failed(RuntimeException failure, int exitCode) {
        System.err.println(failure.getMessage());
        return exitCode;
    }

    /** Trains through the experts that a server knows of; how good the model is after the last epoch. */
    Evaluation train() {
        PeerNode node = PeerNode.builder().build();
        Disposable reporting =
                options.reportTo() == null ? Disposables.disposed() : events.reportTo(node, options.reportTo());
        try {
            return train(node);
        } finally {
            reporting.dispose();
            node.close().block();
        }
    }

    private Evaluation train(PeerNode node) {
        DhtNode dht = node.start()
                .then(new Joining(node, List.of(options.server()), options.patience(), Pictures::showWaiting).join())
                .blockOptional()
                .orElseThrow();
        ExpertClient client = ExpertClient.create(node, new ExpertDirectory(dht));
        try (NDManager manager = TensorOps.newManager();
                TrainingPipeline pipeline = pipeline(client, manager)) {
            return epochs(pipeline, firstBatch(pipeline)).blockOptional().orElseThrow();
        } finally {
            client.dispose();
            dht.close().block();
        }
    }

    private static void showWaiting(Throwable reason, Duration left) {
        System.out.printf("Giving up in %d s: %s%n", left.toSeconds(), reason.getMessage());
    }

    /** The first that the weights have not learned from. */
    private long firstBatch(TrainingPipeline pipeline) {
        if (recorder == null) {
            return 0;
        } else if (!options.resume()) {
            recorder.requireFresh();
            return 0;
        }
        Checkpoint last = recorder.latest();
        if (last == null) {
            return 0;
        }
        TrainerState state = last.requireData(batches.identity()).state();
        pipeline.restore(state).block();
        System.out.printf("Going on after step %d.%n", state.step());
        return state.nextBatch();
    }

    /** The first batch that begins with a picture of this epoch: a batch may have the last ones of the epoch before. */
    private long firstBatchOf(int epoch) {
        return (epoch * data.training().size() + BATCH_SIZE - 1) / BATCH_SIZE;
    }

    private Mono<Evaluation> epochs(TrainingPipeline pipeline, long firstBatch) {
        int first = Math.toIntExact(firstBatch * BATCH_SIZE / data.training().size());
        var told = new TrainingEvents(events, recorder == null ? "pictures" : recorder.name());
        return Flux.range(first, Math.max(0, options.epochs() - first))
                .concatMap(epoch -> epoch(pipeline, told, epoch, firstBatch), 0)
                .takeUntil(EarlyStopping.after(PATIENCE))
                .reduce((before, after) -> after)
                .switchIfEmpty(pipeline.evaluate(data.testBatches()));
    }

    private TrainingPipeline pipeline(ExpertClient client, NDManager manager) {
        manager.getEngine().setRandomSeed((int) SEED);
        var mixture = RemoteMixtureOfExperts.builder(client, manager)
                .grid(GRID)
                .inFeatures(HIDDEN_DIM)
                .kBest(4)
                .seed(SEED)
                .events(events)
                .build();
        return TrainingPipeline.builder(client)
                .local("encoder", linear(manager, data.training().features(), HIDDEN_DIM))
                .mixture("experts", mixture)
                .local("decoder", linear(manager, HIDDEN_DIM, FashionMnist.CLASSES))
                .loss(Loss.crossEntropy())
                .metric(Metric.accuracy())
                .optimizer(OptimizerConfig.adam(1e-3))
                .schedule(new LearningRateSchedule.Cosine(0, Math.toIntExact(firstBatchOf(options.epochs())), 0))
                .concurrency(2)
                .patience(Patience.DEFAULT.withTimeout(options.patience()))
                .onWaiting(waiting -> showWaiting(waiting.cause(), waiting.left()))
                .build();
    }

    private static Block linear(NDManager manager, int inputs, int outputs) {
        Block layer = Linear.builder().setUnits(outputs).build();
        layer.initialize(manager, DataType.FLOAT32, new Shape(1, inputs));
        return layer;
    }

    private Mono<Evaluation> epoch(TrainingPipeline pipeline, TrainingEvents told, int epoch, long firstBatch) {
        long first = Math.max(firstBatch, firstBatchOf(epoch));
        Flux<Batch> rest = batches.batches(first).take(firstBatchOf(epoch + 1) - first);
        return recorded(pipeline, pipeline.train(rest))
                .doOnNext(told)
                .doOnNext(Pictures::show)
                .then(pipeline.evaluate(data.testBatches()))
                .doOnNext(test -> System.out.printf(
                        Locale.ROOT,
                        "After epoch %d: %.2f %% of the test pictures recognised.%n",
                        epoch + 1,
                        100 * test.accuracy().orElse(0)));
    }

    private Flux<StepReport> recorded(TrainingPipeline pipeline, Flux<StepReport> reports) {
        return recorder == null ? reports : recorder.record(reports, pipeline.capture(), batches.identity());
    }

    private static void show(StepReport report) {
        if (report.step() % 100 == 0) {
            System.out.printf(
                    Locale.ROOT,
                    "Step %d: loss %.3f, %.0f pictures/s, %d experts answering%n",
                    report.step(),
                    report.loss(),
                    report.totals().samplesPerSecond(),
                    report.totals().expertsAnswering());
        }
    }
}
