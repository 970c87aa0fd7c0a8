package dev.hivemind.dht;

import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.resources.LoopResources;

/** Nodes over real sockets of this machine, with identities that are the same in every run. */
public final class Swarm implements AutoCloseable {

    public static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final LoopResources loops = LoopResources.create("test-io", 2, true);
    private final Scheduler scheduler = Schedulers.newParallel("hivemind-dht", 2, true);
    private final Random seeds;
    private final UnaryOperator<DhtNodeBuilder> settings;
    private final List<DhtNode> nodes = new ArrayList<>();
    private final Map<DhtNode, PeerNode> peers = new HashMap<>();
    private final List<PeerNode> started = new ArrayList<>();
    private final AtomicInteger next = new AtomicInteger();

    public Swarm(long seed, UnaryOperator<DhtNodeBuilder> settings) {
        this.seeds = new Random(seed);
        this.settings = settings;
    }

    /** A peer that listens on a free port of 127.0.0.1. */
    public PeerNode listeningPeer() {
        return peerAt(new PeerAddress("127.0.0.1", 0));
    }

    /** A peer that listens at an address. */
    public PeerNode peerAt(PeerAddress address) {
        return started(builder().listen(address).build());
    }

    /** A peer that only dials. */
    public PeerNode diallingPeer() {
        return started(builder().build());
    }

    private PeerNode.Builder builder() {
        byte[] seed = new byte[32];
        seeds.nextBytes(seed);
        return PeerNode.builder().loops(loops).identity(PeerIdentity.fromSeed(seed));
    }

    private PeerNode started(PeerNode peer) {
        started.add(peer);
        return peer.start().block(TIMEOUT);
    }

    /** A node that has not been started, with the swarm's settings. */
    public DhtNodeBuilder node(PeerNode peer) {
        return settings.apply(DhtNode.builder(peer).scheduler(scheduler).requestTimeout(Duration.ofSeconds(20)));
    }

    /** A node that enters through the first one. */
    public DhtNode join(PeerNode peer) {
        return start(
                peer,
                node(peer)
                        .initialPeers(nodes.isEmpty() ? List.of() : nodes.get(0).addresses()));
    }

    /** Starts a node, which from now on belongs to the swarm. */
    public DhtNode start(PeerNode peer, DhtNodeBuilder builder) {
        DhtNode node = builder.build();
        nodes.add(node);
        peers.put(node, peer);
        return node.start().block(TIMEOUT);
    }

    /** So many more nodes that listen, each of which enters through an earlier one. */
    public Swarm grow(int count) {
        for (int i = 0; i < count; i++) {
            PeerNode peer = listeningPeer();
            DhtNodeBuilder builder = node(peer);
            if (!nodes.isEmpty()) {
                DhtNode entry = nodes.get(next.getAndIncrement() % nodes.size());
                builder.initialPeers(entry.addresses());
            }
            start(peer, builder);
        }
        return this;
    }

    public List<DhtNode> nodes() {
        return nodes;
    }

    public DhtNode get(int index) {
        return nodes.get(index);
    }

    /** Ends a node and its sockets, without telling anybody. */
    public void kill(DhtNode node) {
        node.close().block(TIMEOUT);
        peers.get(node).close().block(TIMEOUT);
    }

    @Override
    public void close() {
        Flux.fromIterable(nodes).flatMap(DhtNode::close).blockLast(TIMEOUT);
        Flux.fromIterable(started).flatMap(PeerNode::close).blockLast(TIMEOUT);
        scheduler.dispose();
        loops.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }
}
