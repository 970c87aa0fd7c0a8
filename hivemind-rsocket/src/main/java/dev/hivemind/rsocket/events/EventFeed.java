package dev.hivemind.rsocket.events;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.EventsRequestMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.BufferOverflowStrategy;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.FluxSink.OverflowStrategy;
import reactor.core.scheduler.Schedulers;

/**
 * Events of a node for whoever listens now; nothing is kept for later, though newcomers can be told how things stand. Each
 * subscriber has a buffer of 256 events. When it is full the oldest is dropped, and the next event that the subscriber
 * receives says how many were. Safe for use from any thread.
 */
public final class EventFeed {

    /** The most subscribers, local and remote. */
    public static final int MAX_SUBSCRIBERS = 64;

    /** Events that wait for one subscriber. */
    static final int BUFFER_SIZE = 256;

    private static final int MAX_EVENT_BYTES = 16 * 1024;

    /** Events on their way to a remote subscriber, besides those that wait. */
    private static final int PREFETCH = 8;

    private static final Duration RETRY_AFTER = Duration.ofSeconds(10);

    private final Clock clock;
    private final Set<FluxSink<EventMessage>> subscribers = ConcurrentHashMap.newKeySet();
    private final List<Supplier<List<EventMessage.Builder>>> greetings = new CopyOnWriteArrayList<>();
    private final AtomicInteger seats = new AtomicInteger();

    /** A feed that stamps events with the time of this clock. */
    public EventFeed(Clock clock) {
        this.clock = requireNonNull(clock, "clock");
    }

    /** Whether anybody listens; if not, an event need not be made. */
    public boolean isObserved() {
        return !subscribers.isEmpty();
    }

    /**
     * Stamps an event with the time and hands it to all subscribers; of one that has more than 16 KiB, they only learn that
     * they missed it. Never blocks, never fails.
     */
    public void publish(EventMessage.Builder event) {
        if (isObserved()) {
            EventMessage told = stamped(event);
            subscribers.forEach(subscriber -> subscriber.next(told));
        }
    }

    private EventMessage stamped(EventMessage.Builder event) {
        EventMessage stamped =
                event.setUnixMicros(micros(clock.instant())).clearDropped().build();
        return stamped.getSerializedSize() <= MAX_EVENT_BYTES ? stamped : instead(stamped);
    }

    /**
     * Tells every new subscriber first how things stand, until the result is disposed. What is published at the same moment
     * may be told twice.
     *
     * @param greeting quick, safe for use from any thread, and never throws; gives a few events at most, since they share
     *     the buffer with those to come
     */
    public Disposable greet(Supplier<List<EventMessage.Builder>> greeting) {
        greetings.add(requireNonNull(greeting, "greeting"));
        return () -> greetings.remove(greeting);
    }

    /** Nobody would take an event that is too large: its time is left, and that one is missing. */
    private static EventMessage instead(EventMessage tooLarge) {
        return EventMessage.newBuilder()
                .setUnixMicros(tooLarge.getUnixMicros())
                .setDropped(1)
                .build();
    }

    private static long micros(Instant time) {
        return ChronoUnit.MICROS.between(Instant.EPOCH, time);
    }

    /**
     * The events from the moment of subscription on, without end, after the {@linkplain #greet greetings}.
     *
     * <p>Thread: signals arrive on the publisher's thread; a subscriber that does more than hand them on hops to another.
     * Errors: {@link OverloadedException} if there are 64 subscribers already.
     */
    public Flux<EventMessage> events() {
        return Flux.using(this::takeSeat, seat -> buffered(), AtomicInteger::decrementAndGet);
    }

    private AtomicInteger takeSeat() {
        if (seats.incrementAndGet() > MAX_SUBSCRIBERS) {
            seats.decrementAndGet();
            throw new OverloadedException(
                    "There are %d subscribers of events already".formatted(MAX_SUBSCRIBERS), RETRY_AFTER);
        }
        return seats;
    }

    private Flux<EventMessage> buffered() {
        var dropped = new AtomicLong();
        return Flux.create(this::attach, OverflowStrategy.IGNORE)
                .onBackpressureBuffer(
                        BUFFER_SIZE, lost -> dropped.incrementAndGet(), BufferOverflowStrategy.DROP_OLDEST)
                .map(event -> tellDropped(event, dropped));
    }

    private void attach(FluxSink<EventMessage> subscriber) {
        subscribers.add(subscriber);
        subscriber.onDispose(() -> subscribers.remove(subscriber));
        greetings.forEach(greeting -> greeting.get().forEach(event -> subscriber.next(stamped(event))));
    }

    private static EventMessage tellDropped(EventMessage event, AtomicLong dropped) {
        long count = dropped.getAndSet(0);
        return count == 0
                ? event
                : event.toBuilder().setDropped(event.getDropped() + count).build();
    }

    /**
     * Serves this feed to other peers until the result is disposed.
     *
     * @throws IllegalStateException if the node serves a feed already
     */
    public Disposable serve(PeerNode node) {
        return node.handleSubscription(
                Operation.EVENTS,
                (caller, request) ->
                        events().publishOn(Schedulers.parallel(), PREFETCH).map(Reply::ofMessage));
    }

    /**
     * The events of a peer from the moment of subscription on, until this is cancelled or the connection closes. Who
     * falls behind misses events, and finds their number in the next.
     *
     * <p>Thread: signals arrive on an event loop. Errors: {@link RpcException}s.
     */
    public static Flux<EventMessage> of(PeerConnection peer) {
        return Flux.using(
                () -> Request.ofSubscription(Operation.EVENTS, "", EventsRequestMessage.getDefaultInstance()),
                request -> peer.subscribe(request).map(EventFeed::read),
                Request::release);
    }

    /**
     * Offers the feed that a node {@linkplain #serve serves} to whoever listens at an address and {@linkplain #collect
     * collects}, over a connection that this side dials: for nodes that nobody can dial. What fails is tried again, after
     * half a second at first, doubling to 30 s. Nothing of this ever delays who publishes.
     *
     * @return the id of the collector, each time it has accepted; never ends, also not by an error. Cancelling ends the
     *     offer, and leaves the connection to the node; a node that closes waits for offers that are not cancelled.
     */
    public static Flux<PeerId> offer(PeerNode node, PeerAddress collector) {
        return new EventOffer(requireNonNull(node, "node"), requireNonNull(collector, "collector"))
                .accepted(Schedulers.parallel());
    }

    /**
     * Serves this feed, and offers it to whoever collects at an address, until the result is disposed: {@link #serve} and
     * {@link #offer} in one. A collector that is not there yet, or is gone, is dialled again and again. To be disposed before
     * the node is closed.
     *
     * @throws IllegalStateException if the node serves a feed already
     */
    public Disposable reportTo(PeerNode node, PeerAddress collector) {
        Flux<PeerId> accepted = offer(node, collector);
        Disposable served = serve(node);
        return Disposables.composite(accepted.subscribe(), served);
    }

    /**
     * Accepts the offers of peers that dial this node, and emits their events until this is cancelled. Of 64 peers at
     * most, one offer on each connection. A subscriber that falls behind by more than 256 events misses the oldest, and
     * finds their number in the next.
     *
     * <p>Thread: signals arrive on Reactor's parallel threads. Errors: {@link IllegalStateException} if the node collects
     * already.
     */
    public static Flux<CollectedEvent> collect(PeerNode node) {
        requireNonNull(node, "node");
        return Flux.defer(() -> {
            var missed = new AtomicLong();
            return Flux.<CollectedEvent>create(sink -> accept(node, sink), OverflowStrategy.IGNORE)
                    .onBackpressureBuffer(
                            BUFFER_SIZE,
                            lost -> missed.addAndGet(1 + lost.event().getDropped()),
                            BufferOverflowStrategy.DROP_OLDEST)
                    .map(collected -> tellMissed(collected, missed.getAndSet(0)))
                    // Many event loops hand events over: none of them is to run what the subscriber does with others'
                    // events.
                    .publishOn(Schedulers.parallel(), PREFETCH);
        });
    }

    private static void accept(PeerNode node, FluxSink<CollectedEvent> sink) {
        var offered = new OfferedEvents(sink);
        Disposable accepting = node.handleSubscription(Operation.EVENTS_OFFER, offered::accept);
        sink.onDispose(() -> {
            accepting.dispose();
            offered.close();
        });
    }

    private static CollectedEvent tellMissed(CollectedEvent collected, long missed) {
        EventMessage event = collected.event();
        return missed == 0
                ? collected
                : new CollectedEvent(
                        collected.source(),
                        event.toBuilder()
                                .setDropped(event.getDropped() + missed)
                                .build());
    }

    private static EventMessage read(Reply reply) {
        try {
            return reply.message(EventMessage.parser(), MAX_EVENT_BYTES);
        } finally {
            reply.release();
        }
    }
}
