package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * What a node tells about its calls. Names and tags are listed in {@code docs/METERS.md}; no tag holds a peer, an expert
 * or anything else that others choose. Without a registry nothing is measured and calls are left as they are.
 */
final class CallMeters implements Disposable {

    private static final String OK = "ok";
    private static final String CANCELLED = "cancelled";

    private final @Nullable MeterRegistry registry;
    private final Map<Series, Timer> timers = new ConcurrentHashMap<>();
    private final List<Meter> gauges = new ArrayList<>();
    private final AtomicInteger clientCalls = new AtomicInteger();
    private final AtomicInteger serverCalls = new AtomicInteger();

    private CallMeters(@Nullable MeterRegistry registry) {
        this.registry = registry;
    }

    /** Meters that go to a registry, or nowhere. */
    static CallMeters of(@Nullable MeterRegistry registry) {
        return new CallMeters(registry);
    }

    /** Shows the state of a node until {@link #dispose()}. */
    synchronized void watch(ConnectionPool connections) {
        if (registry != null) {
            gauges.add(gauge(registry, "hivemind.rpc.in.flight", clientCalls::get, "side", Side.CLIENT.tag()));
            gauges.add(gauge(registry, "hivemind.rpc.in.flight", serverCalls::get, "side", Side.SERVER.tag()));
            gauges.add(gauge(
                    registry,
                    "hivemind.wire.connections",
                    () -> connections.live().size()));
            gauges.add(gauge(registry, "hivemind.wire.unsent", () -> unsentBytes(connections)));
        }
    }

    private static Gauge gauge(MeterRegistry registry, String name, Supplier<Number> value, String... tags) {
        return Gauge.builder(name, value).tags(tags).strongReference(true).register(registry);
    }

    private static long unsentBytes(ConnectionPool connections) {
        return connections.live().stream()
                .mapToLong(connection -> connection.window().unsentBytes())
                .sum();
    }

    /** Measures a call that this node makes, per subscription. */
    Mono<Reply> client(Request request, Mono<Reply> call) {
        return registry == null ? call : measure(registry, Side.CLIENT, clientCalls, request, call);
    }

    /** Begins to measure a call that this node makes. */
    Measured client(FrameHeader header, int bytes) {
        return registry == null ? Measured.NOT : begin(registry, Side.CLIENT, clientCalls, header.operation(), bytes);
    }

    /** Measures a subscription of this node until it ends, with all that it receives. */
    Flux<Reply> subscription(Request request, Flux<Reply> replies) {
        return registry == null
                ? replies
                : Flux.defer(() -> {
                    Measured call = client(request.header(), request.body().readableBytes());
                    return replies.doOnNext(reply -> call.received(reply.body().readableBytes()))
                            .doOnComplete(call::succeeded)
                            .doOnError(call::failed)
                            .doOnCancel(call::cancelled);
                });
    }

    /** Measures a call that this node serves, per subscription. */
    Mono<Reply> server(Request request, Mono<Reply> call) {
        return registry == null ? call : measure(registry, Side.SERVER, serverCalls, request, call);
    }

    /** Takes note of the time that a message and its answer took. */
    void roundTrip(Duration time) {
        if (registry != null) {
            registry.timer("hivemind.rpc.round.trip").record(time);
        }
    }

    private Mono<Reply> measure(
            MeterRegistry meters, Side side, AtomicInteger inFlight, Request request, Mono<Reply> call) {
        return Mono.defer(() -> {
            Measured started = begin(
                    meters,
                    side,
                    inFlight,
                    request.header().operation(),
                    request.body().readableBytes());
            return call.doOnNext(reply -> started.received(reply.body().readableBytes()))
                    .doOnSuccess(reply -> started.succeeded())
                    .doOnError(started::failed)
                    .doOnCancel(started::cancelled);
        });
    }

    private Measured begin(
            MeterRegistry meters, Side side, AtomicInteger inFlight, Operation operation, int requestBytes) {
        wireBytes(meters, side.requestDirection()).increment(requestBytes);
        return new Started(meters, side, inFlight, operation);
    }

    private static Counter wireBytes(MeterRegistry meters, String direction) {
        return meters.counter("hivemind.wire.bytes", "direction", direction);
    }

    /** As on the wire, where errors that are not the protocol's have no name of their own. */
    private static String nameOf(Throwable error) {
        return ErrorCodec.nameOf(
                error instanceof RpcException known ? known : ErrorCodec.fromText(ErrorCodec.toText(error)));
    }

    private Timer timer(MeterRegistry meters, Series series) {
        return timers.computeIfAbsent(
                series,
                unknown -> Timer.builder("hivemind.rpc.calls")
                        .tags("side", series.side().tag())
                        .tags("operation", series.operation().name().toLowerCase(Locale.ROOT))
                        .tags("outcome", series.outcome())
                        .register(meters));
    }

    /** Takes the gauges out of the registry, which would keep the node alive. */
    @Override
    public synchronized void dispose() {
        if (registry != null) {
            gauges.forEach(registry::remove);
            gauges.clear();
        }
    }

    private enum Side {
        CLIENT,
        SERVER;

        String tag() {
            return name().toLowerCase(Locale.ROOT);
        }

        String requestDirection() {
            return this == CLIENT ? "out" : "in";
        }

        String replyDirection() {
            return this == CLIENT ? "in" : "out";
        }
    }

    private record Series(Side side, Operation operation, String outcome) {}

    /** A call under way, which ends once; whatever ends it later is ignored. Thread-safe. */
    interface Measured {

        /** Of a call that nobody measures. */
        Measured NOT = new Measured() {
            @Override
            public void received(int bytes) {}

            @Override
            public void end(String outcome) {}
        };

        /** Counts bytes of a reply. */
        void received(int bytes);

        /** Ends the call. */
        void end(String outcome);

        default void succeeded() {
            end(OK);
        }

        default void failed(Throwable error) {
            end(nameOf(error));
        }

        default void cancelled() {
            end(CANCELLED);
        }
    }

    private final class Started implements Measured {

        private final MeterRegistry meters;
        private final Side side;
        private final AtomicInteger inFlight;
        private final Operation operation;
        private final Timer.Sample sample;
        private final AtomicBoolean ended = new AtomicBoolean();

        Started(MeterRegistry meters, Side side, AtomicInteger inFlight, Operation operation) {
            this.meters = meters;
            this.side = side;
            this.inFlight = inFlight;
            this.operation = operation;
            this.sample = Timer.start(meters);
            inFlight.incrementAndGet();
        }

        @Override
        public void received(int bytes) {
            wireBytes(meters, side.replyDirection()).increment(bytes);
        }

        @Override
        public void end(String outcome) {
            if (ended.compareAndSet(false, true)) {
                inFlight.decrementAndGet();
                sample.stop(timer(meters, new Series(side, operation, outcome)));
            }
        }
    }
}
