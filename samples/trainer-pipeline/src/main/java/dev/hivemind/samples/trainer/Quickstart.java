package dev.hivemind.samples.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.HostTensor;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import java.util.SplittableRandom;
import reactor.core.publisher.Flux;

/**
 * A hundred steps through two remote experts and a local head. Host the experts first:
 *
 * <pre>{@code
 * ./hivemind server --hidden-dim 512 --num-experts 5 --uid-prefix expert \
 *     --optimizer sgd --learning-rate 0.01 --listen-on 127.0.0.1:1337
 * }</pre>
 */
public final class Quickstart {

    private static final int ROWS = 3;
    private static final int WIDTH = 512;

    private Quickstart() {}

    /** Argument: the address of the server, for example {@code 127.0.0.1:1337}. */
    public static void main(String[] arguments) {
        PeerAddress server = PeerAddress.parse(arguments.length > 0 ? arguments[0] : "127.0.0.1:1337");
        System.out.println(train(server, 100));
    }

    /** The losses of all steps. */
    static List<Double> train(PeerAddress server, int steps) {
        PeerNode node = PeerNode.builder().build();
        DhtNode dht = DhtNode.builder(node).initialPeers(List.of(server)).build();
        node.start().then(dht.start()).block();
        ExpertClient client = ExpertClient.create(node, new ExpertDirectory(dht));
        try (NDManager manager = TensorOps.newManager();
                TrainingPipeline pipeline = TrainingPipeline.builder(client)
                        .remote("first", expert(client, "expert.4"))
                        .remote("second", expert(client, "expert.1"))
                        .local("head", head(manager))
                        .loss(Quickstart::distance)
                        .optimizer(OptimizerConfig.sgd(0.01))
                        .build()) {
            return pipeline.train(Flux.range(0, steps).map(Quickstart::batch))
                    .map(StepReport::loss)
                    .collectList()
                    .blockOptional()
                    .orElseThrow();
        } finally {
            client.dispose();
            dht.close().then(node.close()).block();
        }
    }

    /** Of the output from the target, on average. */
    private static NDArray distance(NDList outputs, NDList targets) {
        return outputs.head().sub(targets.head()).abs().mean();
    }

    private static RemoteExpert expert(ExpertClient client, String uid) {
        return client.expert(new ExpertUid(uid)).blockOptional().orElseThrow();
    }

    private static Block head(NDManager manager) {
        Block head = Linear.builder().setUnits(1).build();
        head.initialize(manager, DataType.FLOAT32, new Shape(1, WIDTH));
        return head;
    }

    /** The same rows each time, and a hundredth of the sum of each to be found. */
    private static Batch batch(int index) {
        var random = new SplittableRandom(1);
        float[] inputs = new float[ROWS * WIDTH];
        float[] targets = new float[ROWS];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = (float) random.nextGaussian();
            targets[i / WIDTH] += inputs[i] / 100;
        }
        return new Batch(
                index, 0, List.of(HostTensor.of(inputs, ROWS, WIDTH)), List.of(HostTensor.of(targets, ROWS, 1)));
    }
}
