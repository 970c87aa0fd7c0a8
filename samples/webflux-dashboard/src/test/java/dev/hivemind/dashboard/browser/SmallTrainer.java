package dev.hivemind.dashboard.browser;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Linear;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.HostTensor;
import dev.hivemind.moe.training.Loss;
import dev.hivemind.moe.training.Metric;
import dev.hivemind.moe.training.TrainingPipeline;
import dev.hivemind.moe.training.report.TrainingEvents;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Trains a small classifier through a mixture of the swarm's experts until it is closed, and reports to a dashboard. */
final class SmallTrainer implements AutoCloseable {

    private static final int WIDTH = SwarmHost.WIDTH;
    private static final int CLASSES = 3;
    private static final int ROWS = 32;
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    /** Leaves room for the browser on the same two cores. */
    private static final Duration BETWEEN_STEPS = Duration.ofMillis(250);

    private final PeerNode node = PeerNode.builder().build();
    private final DhtNode dht;
    private final ExpertClient client;
    private final NDManager manager;
    private final TrainingPipeline pipeline;
    private final Disposable.Composite running = Disposables.composite();

    private SmallTrainer(PeerAddress swarm, EventFeed events) {
        dht = DhtNode.builder(node).initialPeers(List.of(swarm)).build();
        client = ExpertClient.create(node, new ExpertDirectory(dht));
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
        pipeline = TrainingPipeline.builder(client)
                .mixture(
                        "experts",
                        RemoteMixtureOfExperts.builder(client, manager)
                                .grid(SmallSwarm.GRID)
                                .inFeatures(WIDTH)
                                .kBest(4)
                                .seed(3)
                                .events(events)
                                .build())
                .local("decoder", decoder(manager))
                .loss(Loss.crossEntropy())
                .metric(Metric.accuracy())
                .optimizer(OptimizerConfig.adam(0.01))
                .build();
    }

    /** Trains under that name. */
    static SmallTrainer start(PeerAddress swarm, PeerAddress dashboard, String run) {
        var events = new EventFeed(Clock.systemUTC());
        var trainer = new SmallTrainer(swarm, events);
        trainer.node.start().then(trainer.dht.start()).block(TIMEOUT);
        events.serve(trainer.node);
        trainer.running.add(EventFeed.offer(trainer.node, dashboard).subscribe());
        trainer.running.add(trainer.pipeline
                .train(paced())
                .doOnNext(new TrainingEvents(events, run))
                .subscribe());
        return trainer;
    }

    private static Block decoder(NDManager manager) {
        Block block = Linear.builder().setUnits(CLASSES).build();
        block.initialize(manager, DataType.FLOAT32, new Shape(1, WIDTH));
        return block;
    }

    private static Flux<Batch> paced() {
        return Flux.range(0, Integer.MAX_VALUE)
                .concatMap(index -> Mono.delay(BETWEEN_STEPS).map(late -> batch(index)), 0);
    }

    /** Random rows, whose class is the greatest of the first features. */
    private static Batch batch(int index) {
        var random = new SplittableRandom(index);
        float[] inputs = new float[ROWS * WIDTH];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = (float) random.nextDouble(-1, 1);
        }
        long[] labels = new long[ROWS];
        for (int row = 0; row < ROWS; row++) {
            for (int label = 1; label < CLASSES; label++) {
                if (inputs[row * WIDTH + label] > inputs[row * WIDTH + (int) labels[row]]) {
                    labels[row] = label;
                }
            }
        }
        return new Batch(index, 0, List.of(HostTensor.of(inputs, ROWS, WIDTH)), List.of(HostTensor.of(labels, ROWS)));
    }

    @Override
    public void close() {
        running.dispose();
        pipeline.close();
        client.dispose();
        manager.close();
        dht.close().onErrorComplete().then(node.close()).block(TIMEOUT);
    }
}
