package dev.hivemind.benchmarks.dht;

import com.sun.management.UnixOperatingSystemMXBean;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.rpc.RSocketDhtTransport;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.resources.LoopResources;

/** Nodes that listen on this machine and share event loops. */
public final class LocalSwarm implements AutoCloseable {

    private static final Duration TIMEOUT = Duration.ofMinutes(5);
    private static final int REPLICAS = 5;

    /** Descriptors for everything but connections. */
    private static final int OTHER_FILES = 1_500;

    private static final int MIN_CONNECTIONS = 16;
    private static final int AT_ONCE = 4;

    private final LoopResources loops = LoopResources.create("dht-io", 2, true);
    private final Scheduler scheduler = Schedulers.newParallel("dht", 2, true);
    private final LongAdder requests = new LongAdder();
    private final Random random = new Random(7);
    private final List<PeerNode> peers = new ArrayList<>();
    private final List<DhtNode> nodes = new ArrayList<>();

    private final int maxConnections;

    /** So many nodes that know of each other. */
    public LocalSwarm(int count) {
        maxConnections = maxConnections(count);
        nodes.add(node(List.of()).start().blockOptional(TIMEOUT).orElseThrow());
        while (nodes.size() < count) {
            List<DhtNode> next = new ArrayList<>();
            for (int i = 0; i < Math.min(nodes.size(), count - nodes.size()); i++) {
                next.add(node(any().addresses()));
            }
            Flux.fromIterable(next).flatMap(DhtNode::start, AT_ONCE).blockLast(TIMEOUT);
            nodes.addAll(next);
        }
    }

    /** Both ends of every connection are files of this process, and may not be more than the system allows. */
    private static int maxConnections(int nodes) {
        long files = ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                ? unix.getMaxFileDescriptorCount()
                : Short.MAX_VALUE;
        return (int) Math.max(MIN_CONNECTIONS, Math.min(nodes + 8, (files - OTHER_FILES) / nodes));
    }

    private DhtNode node(List<PeerAddress> initialPeers) {
        PeerNode peer = PeerNode.builder()
                .loops(loops)
                .maxConnections(maxConnections)
                .maxConnectionsPerAddress(maxConnections)
                .listen(new PeerAddress("127.0.0.1", 0))
                .build();
        peers.add(peer.start().blockOptional(TIMEOUT).orElseThrow());
        return DhtNode.builder(new CountingTransport(new RSocketDhtTransport(peer), requests))
                .scheduler(scheduler)
                .replicas(REPLICAS)
                .initialPeers(initialPeers)
                .build();
    }

    /** One of them by chance. */
    public DhtNode any() {
        return nodes.get(random.nextInt(nodes.size()));
    }

    /** How many requests were sent so far. */
    public long requests() {
        return requests.sum();
    }

    @Override
    public void close() {
        Flux.fromIterable(nodes).flatMap(DhtNode::close).blockLast(TIMEOUT);
        Flux.fromIterable(peers).flatMap(PeerNode::close).blockLast(TIMEOUT);
        scheduler.dispose();
        loops.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }
}
