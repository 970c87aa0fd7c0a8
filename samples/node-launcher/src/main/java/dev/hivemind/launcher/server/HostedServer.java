package dev.hivemind.launcher;

import ai.djl.Device;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertFactory;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Mono;

/** A peer, its DHT node and its experts, as the options describe them. */
final class HostedServer implements AutoCloseable {

    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    /** What one dictionary of the DHT can name. */
    static final int MAX_EXPERTS = 1_024;

    /** Keeps the seeds of neighbouring swarms apart. */
    private static final long SEED_STRIDE = 1_000_003;

    private final PeerNode node;
    private final DhtNode dht;
    private final ExpertServer server;

    private HostedServer(PeerNode node, DhtNode dht, ExpertServer server) {
        this.node = node;
        this.dht = dht;
        this.server = server;
    }

    /**
     * Listens, joins the DHT and declares the experts.
     *
     * @throws IllegalArgumentException if the options describe no expert that can be made
     */
    static HostedServer start(ServerOptions options) {
        PeerNode node = PeerNode.builder().listen(options.listenOn()).build();
        DhtNode dht = DhtNode.builder(node).initialPeers(options.initialPeers()).build();
        var feed = new EventFeed(Clock.systemUTC());
        feed.serve(node);
        var hosted = new HostedServer(node, dht, experts(options, node, dht, feed));
        try {
            node.start().then(dht.start()).then(hosted.server.start()).block(START_TIMEOUT);
            return hosted;
        } catch (RuntimeException e) {
            hosted.close();
            throw e;
        }
    }

    private static ExpertServer experts(ServerOptions options, PeerNode node, DhtNode dht, EventFeed feed) {
        var server = ExpertServer.builder(node)
                .maxBatchSize(options.maxBatchSize())
                .events(feed)
                .announceIn(new ExpertDirectory(dht), ExpertServer.DEFAULT_ANNOUNCE_PERIOD);
        options.compute().deviceThreads().ifPresent(server::deviceThreads);
        options.compute().intraOpThreads().ifPresent(server::intraOpThreads);
        ExpertFactory factory = ExpertFactories.named(options.expertClass());
        Device device = TensorOps.device(options.compute().device());
        for (int i = 0; i < options.numExperts(); i++) {
            int index = options.firstIndex() + i;
            server.expert(options.uid(index), expert(factory, options, index, device));
        }
        return server.build();
    }

    private static ExpertBackend expert(ExpertFactory factory, ServerOptions options, int index, Device device) {
        var chosen = ExpertOptions.parse(factory, options.expertOptions(), options.seed() * SEED_STRIDE + index);
        return ExpertBackend.create(factory.create(chosen), TrainingConfig.of(optimizer(options)), device);
    }

    private static OptimizerConfig optimizer(ServerOptions options) {
        return switch (options.optimizer()) {
            case SGD -> OptimizerConfig.sgd(options.learningRate());
            case ADAM -> OptimizerConfig.adam(options.learningRate());
            case NONE -> OptimizerConfig.frozen();
        };
    }

    PeerId id() {
        return node.id();
    }

    List<PeerAddress> addresses() {
        return node.addresses();
    }

    /** Stops serving and frees everything, within a few seconds. */
    @Override
    public void close() {
        server.close()
                .onErrorComplete()
                .then(dht.close().onErrorComplete())
                .then(node.close())
                .timeout(CLOSE_TIMEOUT, Mono.empty())
                .block();
    }
}
