package dev.hivemind.samples.trainer;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.EarlyStopping;
import dev.hivemind.moe.training.Evaluation;
import dev.hivemind.moe.training.Loss;
import dev.hivemind.moe.training.Metric;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.moe.training.checkpoint.Checkpoint;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
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

    private static final int DIRECTORY_IS_UNFIT = 1;
    private static final int PEER_IS_MISSING = 3;
    private static final long SEED = 1;

    private final FashionMnist data;
    private final PictureBatches batches;
    private final int epochs;
    private final @Nullable RunRecorder recorder;
    private final boolean resume;

    /**
     * A training.
     *
     * @param epochs how often each picture is learned from
     * @param directory for checkpoints and reports; null for none
     * @param resume whether to go on from the last checkpoint there
     */
    Pictures(FashionMnist data, int epochs, @Nullable Path directory, boolean resume) {
        this.data = data;
        this.batches = new PictureBatches(data.training(), BATCH_SIZE, SEED);
        this.epochs = epochs;
        this.recorder = directory == null ? null : new RunRecorder(directory);
        this.resume = resume;
    }

    /**
     * Arguments: the address of a server, for example {@code 127.0.0.1:1337}, then optionally how many epochs, a directory
     * for checkpoints and reports, and {@code --resume} to go on from the last checkpoint there. Without it, a directory
     * that holds checkpoints is refused.
     */
    public static void main(String[] arguments) {
        if (arguments.length == 0) {
            System.err.println("Usage: Pictures HOST:PORT [EPOCHS [DIRECTORY [--resume]]]");
            System.exit(2);
        }
        int epochs = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 7;
        Path directory = arguments.length > 2 ? Path.of(arguments[2]) : null;
        boolean resume = arguments.length > 3 && arguments[3].equals("--resume");
        PeerNode node = PeerNode.builder().build();
        try {
            new Pictures(FashionMnist.bundled(), epochs, directory, resume)
                    .train(node, PeerAddress.parse(arguments[0]));
        } catch (PeerUnavailableException e) {
            System.err.println(e.getMessage());
            System.exit(PEER_IS_MISSING);
        } catch (CheckpointException e) {
            System.err.println(e.getMessage());
            System.exit(DIRECTORY_IS_UNFIT);
        } finally {
            node.close().block();
        }
    }

    /** Trains through the experts that a server knows of; how good the model is after the last epoch. */
    Evaluation train(PeerNode node, PeerAddress server) {
        DhtNode dht = DhtNode.builder(node).initialPeers(List.of(server)).build();
        node.start().then(dht.start()).block();
        ExpertClient client = ExpertClient.create(node, new ExpertDirectory(dht));
        try (NDManager manager = TensorOps.newManager();
                TrainingPipeline pipeline = pipeline(client, manager)) {
            return epochs(pipeline, firstBatch(pipeline)).blockOptional().orElseThrow();
        } finally {
            client.dispose();
            dht.close().block();
        }
    }

    /** The first that the weights have not learned from. */
    private long firstBatch(TrainingPipeline pipeline) {
        if (recorder == null) {
            return 0;
        } else if (!resume) {
            recorder.requireFresh();
            return 0;
        }
        Checkpoint last = recorder.latest();
        if (last == null) {
            return 0;
        }
        TrainerState state = last.requireData(identity()).state();
        pipeline.restore(state).block();
        System.out.printf("Going on after step %d.%n", state.step());
        return state.nextBatch();
    }

    /** What decides which pictures a batch has. */
    private String identity() {
        return "%d pictures, batches of %d, seed %d".formatted(data.training().size(), BATCH_SIZE, SEED);
    }

    private Mono<Evaluation> epochs(TrainingPipeline pipeline, long firstBatch) {
        int first = (int) (firstBatch / batches.perEpoch());
        return Flux.range(first, Math.max(0, epochs - first))
                .concatMap(epoch -> epoch(pipeline, epoch, firstBatch), 0)
                .takeUntil(EarlyStopping.after(PATIENCE))
                .reduce((before, after) -> after)
                .switchIfEmpty(pipeline.evaluate(test()));
    }

    private Flux<Batch> test() {
        return PictureBatches.inOrder(data.test(), 500);
    }

    private TrainingPipeline pipeline(ExpertClient client, NDManager manager) {
        manager.getEngine().setRandomSeed((int) SEED);
        var mixture = RemoteMixtureOfExperts.builder(client, manager)
                .grid(GRID)
                .inFeatures(HIDDEN_DIM)
                .kBest(4)
                .seed(SEED)
                .build();
        return TrainingPipeline.builder(client)
                .local("encoder", linear(manager, data.training().features(), HIDDEN_DIM))
                .mixture("experts", mixture)
                .local("decoder", linear(manager, HIDDEN_DIM, FashionMnist.CLASSES))
                .loss(Loss.crossEntropy())
                .metric(Metric.accuracy())
                .optimizer(OptimizerConfig.adam(1e-3))
                .schedule(new LearningRateSchedule.Cosine(0, epochs * batches.perEpoch(), 0))
                .concurrency(2)
                .onWaiting(waiting -> System.out.printf(
                        "No expert answers (%s). Giving up in %d s.%n",
                        waiting.cause().getMessage(), waiting.left().toSeconds()))
                .build();
    }

    private static Block linear(NDManager manager, int inputs, int outputs) {
        Block layer = Linear.builder().setUnits(outputs).build();
        layer.initialize(manager, DataType.FLOAT32, new Shape(1, inputs));
        return layer;
    }

    private Mono<Evaluation> epoch(TrainingPipeline pipeline, int epoch, long firstBatch) {
        long end = (epoch + 1L) * batches.perEpoch();
        long first = Math.max(firstBatch, end - batches.perEpoch());
        return recorded(pipeline, pipeline.train(batches.from(first).take(end - first)))
                .doOnNext(Pictures::show)
                .then(pipeline.evaluate(test()))
                .doOnNext(test -> System.out.printf(
                        Locale.ROOT,
                        "After epoch %d: %.2f %% of the test pictures recognised.%n",
                        epoch + 1,
                        100 * test.accuracy().orElse(0)));
    }

    private Flux<StepReport> recorded(TrainingPipeline pipeline, Flux<StepReport> reports) {
        return recorder == null ? reports : recorder.record(reports, pipeline.capture(), identity());
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
