package dev.hivemind.rsocket;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.UnauthorizedException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.netty.resources.LoopResources;

/**
 * A peer: an identity, addresses to listen on, handlers for the calls of others, and connections to them.
 *
 * <p>A node that listens nowhere can still be called over the connections that it dialled. Safe for use from any
 * thread. The node owns its connections and, unless some were given, its event loops; {@link #close()} ends them.
 */
public final class PeerNode {

    /** How long closing connections may take to say that they have closed. */
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(1);

    private static final Duration LOOPS_TIMEOUT = Duration.ofSeconds(5);

    private final PeerNodeConfig config;
    private final ResultCache results;
    private final CallMeters meters;
    private final HandlerRegistry handlers;
    private final NodeCalls calls;
    private final ConnectionPool connections;
    private final LoopResources loops;
    private final PeerListener listener;
    private final PeerDialler dialler;

    private PeerNode(PeerNodeConfig config) {
        this.config = config;
        this.connections = new ConnectionPool(
                new PoolSettings(config.identity().id(), config.maxConnections(), config.idleTimeout()),
                Schedulers.parallel(),
                new SplittableRandom());
        this.results = new ResultCache(config.resultCacheBytes(), PeerNodeConfig.MAX_REMEMBERED_CALLS);
        this.meters = CallMeters.of(config.meters());
        this.handlers = new HandlerRegistry(results, meters);
        LoopResources given = config.loops();
        this.loops = given != null ? given : LoopResources.create("hivemind-io");
        this.calls = NodeCalls.of(handlers, config);
        this.listener = new PeerListener(config, loops, calls, connections::add, connections::isClosing);
        this.dialler = new PeerDialler(config, loops, calls, listener::announcedAddresses, connections::isClosing);
        meters.watch(connections);
    }

    /** Starts the description of a node. Every setting has a default. */
    public static Builder builder() {
        return new Builder();
    }

    /** Who this node is: signs in its name. */
    public PeerIdentity identity() {
        return config.identity();
    }

    /** The id under which others know this node. */
    public PeerId id() {
        return config.identity().id();
    }

    /** Where others can reach this node; empty before {@link #start()} and for a node that only dials. */
    public List<PeerAddress> addresses() {
        return listener.announcedAddresses();
    }

    /**
     * Serves an operation for other peers until the result is disposed.
     *
     * @throws IllegalStateException if the operation has a handler already
     */
    public Disposable handle(Operation operation, RequestHandler handler) {
        return handlers.register(requireNonNull(operation, "operation"), requireNonNull(handler, "handler"));
    }

    /**
     * Serves an operation that changes state until the result is disposed. A caller that repeats a call receives the
     * result of its first execution, or learns that it can no longer be told.
     *
     * @throws IllegalStateException if the operation has a handler already
     */
    public Disposable handleOnce(Operation operation, ApplyOnceHandler handler) {
        return handlers.registerOnce(requireNonNull(operation, "operation"), requireNonNull(handler, "handler"));
    }

    /**
     * Serves subscriptions of an operation for other peers until the result is disposed.
     *
     * @throws IllegalStateException if the operation has a handler of subscriptions already
     */
    public Disposable handleSubscription(Operation operation, SubscriptionHandler handler) {
        return calls.subscriptions()
                .register(requireNonNull(operation, "operation"), requireNonNull(handler, "handler"));
    }

    /**
     * Binds the listen addresses, if there are any, and emits this node.
     *
     * <p>Errors: {@link ListenException}.
     */
    public Mono<PeerNode> start() {
        return listener.bind().thenReturn(this);
    }

    /**
     * Connects to whoever listens at an address; a peer that proves to be connected already keeps its connection. Giving
     * up does not stop an attempt under way; what it yields is kept for the next who asks.
     *
     * <p>Errors: an {@link RpcException} that says why the peer is of no use.
     */
    public Mono<PeerConnection> connect(PeerAddress address) {
        requireNonNull(address, "address");
        return connections.unlessClosing(() -> dialler.dial(address, connections::adopt));
    }

    /**
     * The connection to a peer: the one that lives, or a new one to the first of the addresses at which this very peer
     * answers. Without addresses, only a living connection serves. After a failure, the same peer and addresses are
     * left alone for a time drawn from zero to 100 ms, doubling to 10 s with each failure in a row; until then this
     * fails at once and says how long.
     *
     * <p>Errors: an {@link RpcException} that says why the peer cannot be reached.
     */
    public Mono<PeerConnection> connect(PeerId peer, List<PeerAddress> addresses) {
        requireNonNull(peer, "peer");
        List<PeerAddress> candidates = List.copyOf(addresses);
        return connections.get(peer, candidates, () -> dialFirst(peer, candidates));
    }

    /** The connection to a peer that {@link #connect(PeerId, List)} gives without dialling; null if it would dial. */
    public @Nullable PeerConnection living(PeerId peer) {
        return connections.living(requireNonNull(peer, "peer"));
    }

    private Mono<PeerConnection> dialFirst(PeerId peer, List<PeerAddress> addresses) {
        List<RpcException> failures = new ArrayList<>();
        Mono<PeerConnection> attempts = Mono.error(() -> nowhere(peer, addresses, failures));
        for (int i = addresses.size() - 1; i >= 0; i--) {
            Mono<PeerConnection> next = attempts;
            attempts = connect(addresses.get(i))
                    .flatMap(connection -> requireId(connection, peer))
                    .onErrorResume(RpcException.class, error -> {
                        failures.add(error);
                        return next;
                    });
        }
        return attempts;
    }

    private static PeerUnavailableException nowhere(
            PeerId peer, List<PeerAddress> addresses, List<RpcException> failures) {
        var nowhere = new PeerUnavailableException(
                "Peer %s answers at none of %s".formatted(peer.toShortString(), addresses));
        failures.forEach(nowhere::addSuppressed);
        return nowhere;
    }

    private static Mono<PeerConnection> requireId(PeerConnection connection, PeerId expected) {
        return connection.peerId().equals(expected)
                ? Mono.just(connection)
                : Mono.error(new UnauthorizedException("Another peer answers at this address"));
    }

    /**
     * Stops listening and dialling, refuses new calls, lets those under way end for the drain timeout, then closes every
     * connection and frees the loops that this node owns. Idempotent.
     */
    public Mono<Void> close() {
        return connections
                .drain(config.drainTimeout())
                .doFirst(dialler::stop)
                .doFirst(listener::stopListening)
                .then(Mono.defer(this::closeConnections))
                .then(listener.close())
                .then(Mono.defer(this::closeLoops));
    }

    private Mono<Void> closeConnections() {
        return connections.close(CLOSE_TIMEOUT).doFinally(ended -> {
            calls.dispose();
            results.dispose();
            meters.dispose();
        });
    }

    private Mono<Void> closeLoops() {
        return config.loops() == null ? loops.disposeLater(Duration.ZERO, LOOPS_TIMEOUT) : Mono.empty();
    }

    @Override
    public String toString() {
        return "PeerNode[" + id().toShortString() + " at " + addresses() + "]";
    }

    /** Collects the settings of a node. Not thread-safe. */
    public static final class Builder {

        private @Nullable PeerIdentity identity;
        private List<PeerAddress> listen = List.of();
        private List<PeerAddress> announce = List.of();
        private int maxFrameBytes = PeerNodeConfig.DEFAULT_MAX_FRAME_BYTES;
        private int maxConnections = PeerNodeConfig.DEFAULT_MAX_CONNECTIONS;
        private int maxConnectionsPerAddress = PeerNodeConfig.DEFAULT_MAX_CONNECTIONS_PER_ADDRESS;
        private Duration connectTimeout = PeerNodeConfig.DEFAULT_CONNECT_TIMEOUT;
        private Duration idleTimeout = PeerNodeConfig.DEFAULT_IDLE_TIMEOUT;
        private Duration drainTimeout = PeerNodeConfig.DEFAULT_DRAIN_TIMEOUT;
        private long resultCacheBytes = PeerNodeConfig.DEFAULT_RESULT_CACHE_BYTES;
        private @Nullable MeterRegistry meters;
        private long inboundBudget = ByteBudget.defaultBytes();
        private Duration stallTimeout = PeerNodeConfig.DEFAULT_STALL_TIMEOUT;
        private ConnectionLimits limits = ConnectionLimits.DEFAULT;
        private @Nullable LoopResources loops;

        private Builder() {}

        /** Who the node is. Default: a new identity. */
        public Builder identity(PeerIdentity identity) {
            this.identity = requireNonNull(identity, "identity");
            return this;
        }

        /** Where to listen; port 0 takes a free one. Default: nowhere, the node only dials. */
        public Builder listen(PeerAddress... addresses) {
            this.listen = List.of(addresses);
            return this;
        }

        /**
         * Where others are told to connect, when that differs from where the node listens. Default: the listen
         * addresses, a wildcard replaced by the addresses of this machine. At most 16; of more defaults the first.
         */
        public Builder announce(PeerAddress... addresses) {
            this.announce = List.of(addresses);
            return this;
        }

        /**
         * The largest RSocket frame to accept, in bytes. Peers send 256 KiB of a body in one frame. Default: 1 MiB and
         * 16 KiB; at least 300,000, at most 16,777,215.
         */
        public Builder maxFrameBytes(int maxFrameBytes) {
            this.maxFrameBytes = maxFrameBytes;
            return this;
        }

        /**
         * How many connections may live at once; the one on which calls were made or served least recently is closed
         * first. As many again may wait to prove who they are; further ones are refused. Default: 1,024.
         */
        public Builder maxConnections(int maxConnections) {
            this.maxConnections = maxConnections;
            return this;
        }

        /**
         * How many connections are accepted from one remote address, or from one 64-bit network of IPv6. Does not hold for
         * loopback. Default: 32.
         */
        public Builder maxConnectionsPerAddress(int maxConnectionsPerAddress) {
            this.maxConnectionsPerAddress = maxConnectionsPerAddress;
            return this;
        }

        /** How long dialling and set-up of a connection may take together. Default: 5 s. */
        public Builder connectTimeout(Duration connectTimeout) {
            this.connectTimeout = requireNonNull(connectTimeout, "connectTimeout");
            return this;
        }

        /** After how long without any call, made or served, a connection is closed; zero is never. Default: 5 min. */
        public Builder idleTimeout(Duration idleTimeout) {
            this.idleTimeout = requireNonNull(idleTimeout, "idleTimeout");
            return this;
        }

        /** How long calls under way may go on when the node closes. Default: 5 s. */
        public Builder drainTimeout(Duration drainTimeout) {
            this.drainTimeout = requireNonNull(drainTimeout, "drainTimeout");
            return this;
        }

        /**
         * How many bytes of bodies beyond 256 KiB are held at once; of one peer at most half of them. A call that asks
         * for more is refused before memory is allocated for it. Default: half of Netty's direct memory.
         */
        public Builder inboundBudget(long bytes) {
            this.inboundBudget = bytes;
            return this;
        }

        /**
         * How many bytes of results are kept for callers that repeat a call which changes state; 0 keeps none. Of 100,000
         * calls is remembered that they ended. Default: 64 MiB.
         */
        public Builder resultCacheBytes(long resultCacheBytes) {
            this.resultCacheBytes = resultCacheBytes;
            return this;
        }

        /**
         * Where the node's meters go; they are listed in {@code docs/METERS.md}. Nodes that share a registry share timers
         * and counters, but only the first of them shows its gauges. Default: nothing is measured.
         */
        public Builder meters(MeterRegistry meters) {
            this.meters = requireNonNull(meters, "meters");
            return this;
        }

        /**
         * How long the sender of a large body may take for its next 256 KiB, or the rest. Then its call fails, and what
         * was reserved for it is free again. Default: 10 s.
         */
        public Builder stallTimeout(Duration stallTimeout) {
            this.stallTimeout = requireNonNull(stallTimeout, "stallTimeout");
            return this;
        }

        /** What each connection may have this node hold and do. Default: {@link ConnectionLimits#DEFAULT}. */
        public Builder limits(ConnectionLimits limits) {
            this.limits = requireNonNull(limits, "limits");
            return this;
        }

        /** Event loops to share; they stay the caller's. Default: own ones, as many as the machine has cores. */
        public Builder loops(LoopResources loops) {
            this.loops = requireNonNull(loops, "loops");
            return this;
        }

        /**
         * The node, which does nothing before {@link PeerNode#start()} or {@code connect}.
         *
         * @throws IllegalArgumentException if a setting is out of its bounds
         */
        public PeerNode build() {
            return new PeerNode(new PeerNodeConfig(
                    identity != null ? identity : PeerIdentity.generate(),
                    listen,
                    announce,
                    maxFrameBytes,
                    maxConnections,
                    maxConnectionsPerAddress,
                    connectTimeout,
                    idleTimeout,
                    drainTimeout,
                    resultCacheBytes,
                    meters,
                    inboundBudget,
                    stallTimeout,
                    limits,
                    loops));
        }
    }
}
