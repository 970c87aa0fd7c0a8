package dev.hivemind.launcher.server;

import ai.djl.Device;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.swarm.Entrance;
import dev.hivemind.launcher.swarm.IdentityFile;
import dev.hivemind.moe.expert.ExpertFactory;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.optimizer.TrainingConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** A peer, its DHT node and its experts, as the options describe them. Blocks the thread that uses it. */
final class HostedServer implements AutoCloseable {

    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    /** For a last checkpoint of large experts on a slow disk. */
    private static final Duration SAVE_TIMEOUT = Duration.ofSeconds(60);

    /** Keeps the seeds of neighbouring swarms apart. */
    private static final long SEED_STRIDE = 1_000_003;

    private final ServerOptions options;
    private final MeterRegistry meters;
    private final PeerNode node;
    private final DhtNode dht;
    private final ExpertDirectory directory;
    private final EventFeed feed = new EventFeed(Clock.systemUTC());
    private @Nullable ExpertServer server;
    private List<ExpertUid> uids = List.of();
    private volatile boolean ready;

    private HostedServer(ServerOptions options, MeterRegistry meters) {
        this.options = options;
        this.meters = meters;
        this.node = node(options.network(), meters);
        this.dht = DhtNode.builder(node)
                .initialPeers(options.network().initialPeers())
                .build();
        this.directory = new ExpertDirectory(dht);
        feed.serve(node);
    }

    private static PeerNode node(NetworkOptions network, MeterRegistry meters) {
        PeerNode.Builder node = PeerNode.builder()
                .listen(network.listenOn().toArray(PeerAddress[]::new))
                .announce(network.announce().toArray(PeerAddress[]::new))
                .meters(meters);
        if (network.identity() != null) {
            node.identity(IdentityFile.readOrCreate(network.identity()));
        }
        return node.build();
    }

    /**
     * Listens, joins the DHT and declares the experts.
     *
     * @throws IllegalArgumentException if the options describe no expert that can be made
     */
    static HostedServer start(ServerOptions options, MeterRegistry meters) {
        var hosted = new HostedServer(options, meters);
        try {
            hosted.start();
            return hosted;
        } catch (RuntimeException e) {
            hosted.close();
            throw e;
        }
    }

    /** Experts whose names are known are made first, since that is where most options can be wrong. */
    private void start() {
        ExpertGrid grid = options.uids().gridToChooseFrom();
        if (grid == null) {
            host(options.uids().uids());
        }
        Entrance.through(
                options.network().initialPeers(),
                () -> node.start().then(dht.start()).block(START_TIMEOUT));
        if (grid != null) {
            host(chooseFrom(grid));
        }
        if (server != null) {
            server.start().block(START_TIMEOUT);
        }
        ready = true;
    }

    private List<ExpertUid> chooseFrom(ExpertGrid grid) {
        Duration ttl = options.service().announcePeriod().multipliedBy(2);
        Path state = options.service().checkpoints();
        return new FreeCells(directory, node.id(), grid, new Random())
                .preferring(state == null ? Set.of() : ExpertServer.checkpointed(state))
                .claim(options.uids().count(), ttl)
                .blockOptional(START_TIMEOUT)
                .orElseThrow();
    }

    private void host(List<ExpertUid> names) {
        ServiceOptions service = options.service();
        var builder = ExpertServer.builder(node)
                .maxBatchSize(service.maxBatchSize())
                .minBatchSize(service.minBatchSize(), service.minBatchSize() == 1 ? Duration.ZERO : service.linger())
                .events(feed)
                .meters(meters)
                .announceIn(directory, service.announcePeriod());
        options.compute().deviceThreads().ifPresent(builder::deviceThreads);
        options.compute().intraOpThreads().ifPresent(builder::intraOpThreads);
        if (service.checkpoints() != null) {
            builder.checkpoints(service.checkpoints(), service.checkpointPeriod());
        }
        ExpertFactory factory = CustomModules.named(options.expertClass(), options.modules());
        Device device = TensorOps.device(options.compute().device());
        names.forEach(uid -> builder.expert(uid.value(), expert(factory, uid, device)));
        uids = List.copyOf(names);
        server = builder.build();
    }

    private ExpertBackend expert(ExpertFactory factory, ExpertUid uid, Device device) {
        long seed = options.seed() * SEED_STRIDE + options.uids().number(uid);
        var chosen = ExpertOptions.parse(factory, options.expertOptions(), seed);
        return ExpertBackend.create(factory.create(chosen), training(options.learning()), device);
    }

    private static TrainingConfig training(LearningOptions learning) {
        TrainingConfig training = TrainingConfig.of(
                switch (learning.optimizer()) {
                    case SGD -> OptimizerConfig.sgd(learning.learningRate());
                    case ADAM -> OptimizerConfig.adam(learning.learningRate());
                    case NONE -> OptimizerConfig.frozen();
                });
        Double norm = learning.maxGradientNorm();
        TrainingConfig scheduled = training.withSchedule(learning.schedule());
        return norm == null ? scheduled : scheduled.withMaxGradientNorm(norm);
    }

    PeerId id() {
        return node.id();
    }

    List<PeerAddress> addresses() {
        return node.addresses();
    }

    List<ExpertUid> uids() {
        return uids;
    }

    /** Whether it takes calls. */
    boolean isReady() {
        return ready;
    }

    /** Takes no new calls, and waits as long as the options say for those that it accepted. */
    void drain() {
        ready = false;
        if (server != null) {
            server.drain()
                    .timeout(options.service().drainTimeout(), Mono.empty())
                    .block();
        }
    }

    /** Stops serving and frees everything, within a few seconds. Idempotent. */
    @Override
    public void close() {
        ready = false;
        Mono<Void> served = server == null ? Mono.empty() : server.close();
        served.onErrorComplete()
                .then(dht.close().onErrorComplete())
                .then(node.close())
                .timeout(options.service().checkpoints() == null ? CLOSE_TIMEOUT : SAVE_TIMEOUT, Mono.empty())
                .block();
    }
}
