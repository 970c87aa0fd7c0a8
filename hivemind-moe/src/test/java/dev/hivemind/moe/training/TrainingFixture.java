package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.Dropout;
import ai.djl.training.ParameterStore;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.Layer;
import dev.hivemind.moe.optimizer.ExpertOptimizer;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.core.publisher.Flux;

/** A client that calls nobody, small blocks with known weights, small batches, and a plain loop to compare with. */
final class TrainingFixture implements BeforeEachCallback, AfterEachCallback {

    static final OptimizerConfig ADAM = OptimizerConfig.adam(0.05);
    static final Duration TIMEOUT = Duration.ofSeconds(20);
    static final int WIDTH = 6;
    static final int CLASSES = 3;
    static final int ROWS = 8;

    private final PeerNode node = PeerNode.builder().build();
    private final List<TrainingPipeline> pipelines = new ArrayList<>();
    private NDManager manager;
    private ExpertClient client;

    @Override
    public void beforeEach(ExtensionContext context) {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
        client = ExpertClient.create(
                node, new ExpertDirectory(DhtNode.builder(node).build()));
    }

    @Override
    public void afterEach(ExtensionContext context) {
        pipelines.forEach(TrainingPipeline::close);
        client.dispose();
        manager.close();
        node.close().block(TIMEOUT);
    }

    NDManager manager() {
        return manager;
    }

    ExpertClient client() {
        return client;
    }

    /** Closed after the test. */
    TrainingPipeline built(TrainingPipeline.Builder builder) {
        TrainingPipeline pipeline = builder.build();
        pipelines.add(pipeline);
        return pipeline;
    }

    /** Two linear blocks with tanh between them, and the loss of a classifier. */
    TrainingPipeline.Builder classifier(long seed) {
        return TrainingPipeline.builder(client)
                .local("encoder", linear(WIDTH, 5, seed))
                .layer("tanh", Layer.local(TrainingFixture::tanh))
                .local("decoder", linear(5, CLASSES, seed + 1))
                .loss(Loss.crossEntropy());
    }

    static NDList tanh(NDList inputs) {
        return new NDList(inputs.head().tanh());
    }

    /** Weights between -0.5 and 0.5 that the seed decides. */
    Block linear(int inputs, int outputs, long seed) {
        Block block = Linear.builder().setUnits(outputs).build();
        block.initialize(manager, DataType.FLOAT32, new Shape(1, inputs));
        var random = new SplittableRandom(seed);
        block.getParameters().forEach(entry -> {
            NDArray array = entry.getValue().getArray();
            HostTensor.of(uniform(random, (int) array.size()), array.getShape().getShape())
                    .copyTo(array);
        });
        return block;
    }

    private static float[] uniform(SplittableRandom random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextDouble(-0.5, 0.5);
        }
        return values;
    }

    /** Random rows, whose class is the greatest of the first features. */
    static Batch batch(long index, int rows) {
        var random = new SplittableRandom(index);
        float[] inputs = uniform(random, rows * WIDTH);
        long[] labels = new long[rows];
        for (int row = 0; row < rows; row++) {
            for (int label = 1; label < CLASSES; label++) {
                if (inputs[row * WIDTH + label] > inputs[row * WIDTH + (int) labels[row]]) {
                    labels[row] = label;
                }
            }
        }
        return new Batch(index, 0, List.of(HostTensor.of(inputs, rows, WIDTH)), List.of(HostTensor.of(labels, rows)));
    }

    static Flux<Batch> batches(int first, int count) {
        return Flux.range(first, count).map(index -> batch(index, ROWS));
    }

    static List<Double> losses(TrainingPipeline pipeline, Flux<Batch> batches) {
        return pipeline.train(batches).map(StepReport::loss).collectList().block(TIMEOUT);
    }

    /** The losses of a plain loop on this thread over the model of {@link #classifier}. */
    List<Double> plainLoop(long seed, TrainingConfig config, List<Batch> batches) {
        Block encoder = linear(WIDTH, 5, seed);
        Block decoder = linear(5, CLASSES, seed + 1);
        Map<String, NDArray> weights = new LinkedHashMap<>();
        encoder.getParameters()
                .forEach(entry ->
                        weights.put("e." + entry.getKey(), entry.getValue().getArray()));
        decoder.getParameters()
                .forEach(entry ->
                        weights.put("d." + entry.getKey(), entry.getValue().getArray()));
        List<Double> losses = new ArrayList<>();
        try (ExpertOptimizer optimizer = config.optimizer().create(manager, weights)) {
            for (Batch batch : batches) {
                losses.add(TensorOps.withGradMode(true, () -> gradients(encoder, decoder, batch)));
                optimizer.step(config.schedule().factor(optimizer.steps()));
                weights.values().forEach(TensorOps::zeroGradient);
            }
        }
        return losses;
    }

    private double gradients(Block encoder, Block decoder, Batch batch) {
        try (NDManager scope = manager.newSubManager()) {
            var store = new ParameterStore(scope, false);
            NDList inputs = new NDList(batch.inputs().get(0).on(scope));
            NDList hidden = tanh(encoder.forward(store, inputs, true));
            NDArray loss = Loss.crossEntropy()
                    .of(
                            decoder.forward(store, hidden, true),
                            new NDList(batch.targets().get(0).on(scope)));
            TensorOps.vectorJacobianProduct(loss, loss.onesLike(), false);
            return loss.toFloatArray()[0];
        }
    }

    /** Like the classifier, with dropout instead of tanh. */
    TrainingPipeline.Builder noisy() {
        return TrainingPipeline.builder(client)
                .local("encoder", linear(WIDTH, 5, 1))
                .local("dropout", Dropout.builder().optRate(0.5f).build())
                .local("decoder", linear(5, CLASSES, 2))
                .loss(Loss.crossEntropy())
                .optimizer(ADAM);
    }

    /** One batch of the rows of several. */
    static Batch joined(List<Batch> parts) {
        int rows = parts.stream().mapToInt(Batch::rows).sum();
        float[] inputs = new float[rows * WIDTH];
        long[] labels = new long[rows];
        int row = 0;
        for (Batch part : parts) {
            float[] values = part.inputs().get(0).floats();
            System.arraycopy(values, 0, inputs, row * WIDTH, values.length);
            System.arraycopy(part.targets().get(0).longs(), 0, labels, row, part.rows());
            row += part.rows();
        }
        return new Batch(
                parts.get(0).index(),
                0,
                List.of(HostTensor.of(inputs, rows, WIDTH)),
                List.of(HostTensor.of(labels, rows)));
    }

    /** The local weights as they are now. */
    static Map<String, List<Float>> weights(TrainingPipeline pipeline) {
        return pipeline.capture().block(TIMEOUT).parameters().entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> list(entry.getValue().floats())));
    }

    private static List<Float> list(float[] values) {
        List<Float> boxed = new ArrayList<>(values.length);
        for (float value : values) {
            boxed.add(value);
        }
        return boxed;
    }
}
