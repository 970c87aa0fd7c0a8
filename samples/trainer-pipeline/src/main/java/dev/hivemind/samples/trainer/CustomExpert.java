package dev.hivemind.samples.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertFactory;
import dev.hivemind.moe.expert.ExpertOption;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.HostTensor;
import dev.hivemind.moe.training.Loss;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;

/**
 * An expert of one's own, {@code product}, hosted on one node and trained from another: it multiplies two projections of
 * what it is given, so that it learns products of features, which no stack of linear layers can.
 *
 * <p>It is named in {@code META-INF/services/dev.hivemind.moe.expert.ExpertFactory}: with this jar on the class path,
 * {@code ./hivemind server --expert-cls product} hosts it too.
 */
public final class CustomExpert implements ExpertFactory {

    private static final int WIDTH = 8;
    private static final int ROWS = 64;

    /** For {@link java.util.ServiceLoader}. */
    public CustomExpert() {}

    @Override
    public String name() {
        return "product";
    }

    @Override
    public String description() {
        return "the product of two linear layers";
    }

    @Override
    public List<ExpertOption<?>> options() {
        return List.of(ExpertOption.HIDDEN_DIM);
    }

    /** The block, and what goes in and out of it: calls that do not fit are refused before they reach the block. */
    @Override
    public ExpertDefinition create(ExpertOptions options) {
        options.requireKnownTo(this);
        int width = options.get(ExpertOption.HIDDEN_DIM);
        return new ExpertDefinition(
                new ProductBlock(width),
                List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, width)),
                List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, width)));
    }

    /** {@code left(x) · right(x)}, feature by feature. */
    private static final class ProductBlock extends AbstractBlock {

        private final Linear left;
        private final Linear right;

        ProductBlock(int width) {
            left = addChildBlock("left", Linear.builder().setUnits(width).build());
            right = addChildBlock("right", Linear.builder().setUnits(width).build());
        }

        @Override
        protected void initializeChildBlocks(NDManager manager, DataType type, Shape... inputShapes) {
            left.initialize(manager, type, inputShapes);
            right.initialize(manager, type, inputShapes);
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore parameters,
                NDList inputs,
                boolean training,
                @Nullable PairList<String, Object> options) {
            NDArray one = left.forward(parameters, inputs, training).singletonOrThrow();
            NDArray other = right.forward(parameters, inputs, training).singletonOrThrow();
            return new NDList(one.mul(other));
        }

        @Override
        public Shape[] getOutputShapes(Shape[] inputShapes) {
            return inputShapes;
        }
    }

    /** Hosts the expert, trains through it, and prints how the loss falls. */
    public static void main(String[] arguments) {
        run(500);
    }

    /** The loss of the last step. */
    static double run(int steps) {
        PeerNode host =
                PeerNode.builder().listen(PeerAddress.parse("127.0.0.1:0")).build();
        DhtNode hostDht = DhtNode.builder(host).build();
        ExpertServer server = ExpertServer.builder(host)
                .announceIn(new ExpertDirectory(hostDht), Duration.ofSeconds(30))
                .expert("product.0", backend())
                .build();
        host.start().then(hostDht.start()).then(server.start()).block();
        try {
            return train(host.addresses().get(0), steps);
        } finally {
            server.close().then(hostDht.close()).then(host.close()).block();
        }
    }

    static ExpertBackend backend() {
        return ExpertBackend.create(
                ExpertFactories.named("product").create(new ExpertOptions(WIDTH, 1)), OptimizerConfig.adam(0.01));
    }

    /** From another node, which knows nothing but an address; the loss of the last step. */
    static double train(PeerAddress server, int steps) {
        PeerNode node = PeerNode.builder().build();
        DhtNode dht = DhtNode.builder(node).initialPeers(List.of(server)).build();
        node.start().then(dht.start()).block();
        ExpertClient client = ExpertClient.create(node, new ExpertDirectory(dht));
        RemoteExpert expert =
                client.expert(new ExpertUid("product.0")).blockOptional().orElseThrow();
        try (NDManager manager = TensorOps.newManager();
                TrainingPipeline pipeline = TrainingPipeline.builder(client)
                        .remote("product", expert)
                        .local("sum", sum(manager))
                        .loss(Loss.meanSquaredError())
                        .optimizer(OptimizerConfig.adam(0.01))
                        .build()) {
            return pipeline.train(products().take(steps))
                    .doOnNext(CustomExpert::show)
                    .map(StepReport::loss)
                    .last()
                    .blockOptional()
                    .orElseThrow();
        } finally {
            client.dispose();
            dht.close().then(node.close()).block();
        }
    }

    private static void show(StepReport report) {
        if (report.step() % 50 == 0) {
            System.out.printf(Locale.ROOT, "Step %d: loss %.4f%n", report.step(), report.loss());
        }
    }

    private static Block sum(NDManager manager) {
        Block sum = Linear.builder().setUnits(1).build();
        sum.initialize(manager, DataType.FLOAT32, new Shape(1, WIDTH));
        return sum;
    }

    /** What is to be learned: the product of the first two of some random numbers. */
    private static Flux<Batch> products() {
        return Flux.generate(() -> 0L, (index, sink) -> {
            var random = new SplittableRandom(index);
            float[] inputs = new float[ROWS * WIDTH];
            float[] targets = new float[ROWS];
            for (int i = 0; i < inputs.length; i++) {
                inputs[i] = (float) random.nextDouble(-1, 1);
            }
            for (int row = 0; row < ROWS; row++) {
                targets[row] = inputs[row * WIDTH] * inputs[row * WIDTH + 1];
            }
            sink.next(new Batch(
                    index, 0, List.of(HostTensor.of(inputs, ROWS, WIDTH)), List.of(HostTensor.of(targets, ROWS, 1))));
            return index + 1;
        });
    }
}
