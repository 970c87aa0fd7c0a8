package dev.hivemind.testkit;

import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.Connection;
import reactor.netty.DisposableServer;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.TcpClient;
import reactor.netty.tcp.TcpServer;

/**
 * A TCP proxy on the loopback interface that stands between clients and a target, and fails on demand.
 *
 * <pre>{@code
 * try (FaultProxy proxy = FaultProxy.start(server.address())) {
 *     proxy.delay(Duration.ofMillis(50)).jitter(Duration.ofMillis(20));
 *     client.connect("127.0.0.1", proxy.port());
 *     proxy.toTarget().blackHole();
 *     proxy.cut();
 * }
 * }</pre>
 *
 * <p>The faults of {@link #delay}, {@link #throttle} and so on hold each way; {@link #toTarget()} and
 * {@link #toClient()} set them one way. They can be changed at any time, see {@link Faults}. Order is always kept, and a
 * connection holds a few MiB at most: then its senders have to wait. What one side ends, the other sees ended after the
 * bytes before, and what one side resets, the other sees reset. Half-closed connections are not supported: the end of
 * one direction ends both.
 *
 * <p>Threads: a single one of its own serves all connections; any thread may call the methods. {@link #start} and
 * {@link #close} block, for a short time.
 */
public final class FaultProxy implements AutoCloseable {

    private static final String LOOPBACK = "127.0.0.1";
    /** A native one reads all there is when a peer closes, wanted or not, and so loses what comes before the link. */
    private static final boolean NO_NATIVE_TRANSPORT = false;

    /** Left to itself, a kernel takes up to 32 MiB from a sender whose receiver does not read. */
    private static final int RECEIVE_BUFFER_BYTES = 512 << 10;

    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final InetSocketAddress target;
    private final SplittableRandom seeds;
    private final Faults toTarget = new Faults();
    private final Faults toClient = new Faults();
    private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
    private final LoopResources loops = LoopResources.create("fault-proxy", 1, 1, true);
    private final EventLoop loop = loops.onServer(NO_NATIVE_TRANSPORT).next();
    private final Scheduler scheduler = Schedulers.fromExecutorService(loop);
    private final DisposableServer server;

    private FaultProxy(InetSocketAddress target, long seed) {
        this.target = target;
        this.seeds = new SplittableRandom(seed);
        this.server = TcpServer.create()
                .runOn(loops, NO_NATIVE_TRANSPORT)
                .option(ChannelOption.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
                .host(LOOPBACK)
                .port(0)
                .doOnConnection(this::accept)
                .bindNow(TIMEOUT);
    }

    /** A faultless proxy before a target, listening when this returns. The caller closes it. */
    public static FaultProxy start(InetSocketAddress target) {
        return start(target, 0);
    }

    /**
     * A faultless proxy before a target, listening when this returns. The caller closes it.
     *
     * @param seed decides jitter and corruption
     */
    public static FaultProxy start(InetSocketAddress target, long seed) {
        return new FaultProxy(target, seed);
    }

    /** Where the proxy listens. */
    public InetSocketAddress address() {
        return (InetSocketAddress) server.address();
    }

    /** The port at which the proxy listens, at {@code 127.0.0.1}. */
    public int port() {
        return server.port();
    }

    /** The faults of what clients send. */
    public Faults toTarget() {
        return toTarget;
    }

    /** The faults of what the target sends. */
    public Faults toClient() {
        return toClient;
    }

    /** {@link Faults#delay} each way, which is half of what is added to a round trip. */
    public FaultProxy delay(Duration time) {
        return eachWay(faults -> faults.delay(time));
    }

    /** {@link Faults#jitter} each way. */
    public FaultProxy jitter(Duration most) {
        return eachWay(faults -> faults.jitter(most));
    }

    /** {@link Faults#throttle} each way. */
    public FaultProxy throttle(long bytesPerSecond) {
        return eachWay(faults -> faults.throttle(bytesPerSecond));
    }

    /** {@link Faults#blackHole} each way. Connections are still accepted. */
    public FaultProxy blackHole() {
        return eachWay(Faults::blackHole);
    }

    /** {@link Faults#corrupt} each way. */
    public FaultProxy corrupt(double probability) {
        return eachWay(faults -> faults.corrupt(probability));
    }

    /** {@link Faults#corruptNext} each way. */
    public FaultProxy corruptNext(int buffers) {
        return eachWay(faults -> faults.corruptNext(buffers));
    }

    /** {@link Faults#heal} each way. Connections that were cut stay so. */
    public FaultProxy heal() {
        return eachWay(Faults::heal);
    }

    /** Resets every connection, on both sides and without delay; bytes under way are lost. New ones are accepted. */
    public FaultProxy cut() {
        Sockets.reset(loop, connections);
        return this;
    }

    /** Stops listening, resets every connection, and ends the proxy's thread. */
    @Override
    public void close() {
        server.disposeNow(TIMEOUT);
        cutAndAwait();
        loops.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }

    /** A thread that ends closes in order what it still has, before it looks at what it was told to do. */
    private void cutAndAwait() {
        List<Mono<Void>> ends = connections.stream().map(Connection::onDispose).toList();
        cut();
        Mono.when(ends).block(TIMEOUT);
    }

    private FaultProxy eachWay(Consumer<Faults> change) {
        change.accept(toTarget);
        change.accept(toClient);
        return this;
    }

    private void accept(Connection client) {
        register(client);
        Disposable connecting = TcpClient.newConnection()
                .runOn(loops, NO_NATIVE_TRANSPORT)
                .option(ChannelOption.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
                .remoteAddress(() -> target)
                .connect()
                .subscribe(server -> link(client, server), unreachable -> Sockets.reset(loop, Set.of(client)));
        client.onDispose(connecting);
    }

    private void link(Connection client, Connection server) {
        register(server);
        carry(client, server, lane(toTarget));
        carry(server, client, lane(toClient));
    }

    private void register(Connection connection) {
        connections.add(connection);
        connection.onDispose(() -> connections.remove(connection));
    }

    private Lane lane(Faults faults) {
        return new Lane(faults, scheduler, seeds.split());
    }

    /** Each lane ends the side to which it leads, so that no end overtakes the bytes before it. */
    private void carry(Connection from, Connection to, Lane lane) {
        Disposable carrying = to.outbound()
                .sendByteArray(lane.carry(from.inbound().receive().asByteArray()))
                .then()
                .subscribe(nothing -> {}, gone -> Sockets.reset(loop, Set.of(to)), () -> end(to, lane));
        to.onDispose(carrying);
    }

    private void end(Connection to, Lane lane) {
        if (lane.isBroken()) {
            Sockets.reset(loop, Set.of(to));
        } else {
            to.dispose();
        }
    }
}
