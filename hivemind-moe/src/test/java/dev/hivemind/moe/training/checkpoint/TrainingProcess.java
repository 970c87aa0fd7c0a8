package dev.hivemind.moe.training.checkpoint;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.Dropout;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.data.BatchSource;
import dev.hivemind.moe.data.DataFile;
import dev.hivemind.moe.data.PictureFormat;
import dev.hivemind.moe.data.SampleSet;
import dev.hivemind.moe.optimizer.LearningRateSchedule;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Loss;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.rsocket.PeerNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;

/**
 * Trains a small model on pictures, from the latest checkpoint on if there is one, and saves one after each step. As a
 * process it prints a line for each step and goes on when it has read a byte.
 */
final class TrainingProcess {

    static final int STEPS = 40;

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final int FEATURES = 12;
    private static final int HIDDEN = 9;
    private static final int CLASSES = 3;

    private TrainingProcess() {}

    public static void main(String[] arguments) {
        train(Path.of(arguments[0]), Path.of(arguments[1]), TrainingProcess::report);
    }

    private static void report(StepReport report) {
        System.out.println("step " + report.step());
        try {
            if (System.in.read() < 0) {
                throw new IllegalStateException("The parent is gone");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void train(Path data, Path checkpoints, Consumer<StepReport> afterStep) {
        TensorOps.prepareThread(1);
        PeerNode node = PeerNode.builder().build();
        ExpertClient client = ExpertClient.create(
                node, new ExpertDirectory(DhtNode.builder(node).build()));
        try (NDManager manager = TensorOps.newManager();
                TrainingPipeline pipeline = pipeline(client, manager);
                SampleSet samples = SampleSet.pictures(
                        DataFile.of(data.resolve("pictures")),
                        DataFile.of(data.resolve("labels")),
                        PictureFormat.unit(CLASSES))) {
            train(pipeline, BatchSource.builder(samples).batchSize(8).seed(5).build(), checkpoints, afterStep);
        } finally {
            client.dispose();
            node.close().block(TIMEOUT);
        }
    }

    private static void train(
            TrainingPipeline pipeline, BatchSource source, Path directory, Consumer<StepReport> afterStep) {
        var store = new CheckpointStore(directory, 2);
        Checkpoint latest = store.latest();
        long firstBatch = 0;
        if (latest != null) {
            latest.requireData(source.identity());
            pipeline.restore(latest.state()).block(TIMEOUT);
            firstBatch = latest.state().nextBatch();
        }
        Flux<StepReport> reports = pipeline.train(source.batches(firstBatch).take(STEPS - firstBatch));
        Checkpointer.of(store, CheckpointPolicy.everySteps(1), source.identity(), CheckpointListener.logging())
                .saving(reports, pipeline.capture())
                .doOnNext(afterStep)
                .blockLast(TIMEOUT);
    }

    private static TrainingPipeline pipeline(ExpertClient client, NDManager manager) {
        return TrainingPipeline.builder(client)
                .local("encoder", linear(manager, FEATURES, HIDDEN, 1))
                .local("dropout", Dropout.builder().optRate(0.3f).build())
                .local("decoder", linear(manager, HIDDEN, CLASSES, 2))
                .loss(Loss.crossEntropy())
                .optimizer(OptimizerConfig.adam(0.05))
                .schedule(new LearningRateSchedule.Linear(5, STEPS))
                .seed(11)
                .build();
    }

    private static Block linear(NDManager manager, int inputs, int outputs, long seed) {
        Block block = Linear.builder().setUnits(outputs).build();
        block.initialize(manager, DataType.FLOAT32, new Shape(1, inputs));
        var random = new SplittableRandom(seed);
        block.getParameters().forEach(parameter -> fill(parameter.getValue().getArray(), random));
        return block;
    }

    private static void fill(NDArray array, SplittableRandom random) {
        float[] values = new float[(int) array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-0.5, 0.5);
        }
        array.set(values);
    }
}
