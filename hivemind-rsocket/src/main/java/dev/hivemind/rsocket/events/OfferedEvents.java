package dev.hivemind.rsocket.events;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.EventsAcceptedMessage;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Accepts the offers of peers and hands their events to one sink, until it is closed. Thread-safe. */
final class OfferedEvents {

    /** Peers whose events are collected at once. */
    static final int MAX_SOURCES = 64;

    private static final Duration RETRY_AFTER = Duration.ofSeconds(10);

    private final FluxSink<CollectedEvent> sink;
    private final Set<PeerConnection> sources = new HashSet<>();
    private final Sinks.Empty<Void> closed = Sinks.empty();

    OfferedEvents(FluxSink<CollectedEvent> sink) {
        this.sink = sink;
    }

    /** Serves an offer: says yes, and ends with the subscription to the caller's events. */
    Flux<Reply> accept(PeerConnection caller, Request offer) {
        return Flux.using(() -> enter(caller), this::collect, this::leave);
    }

    private synchronized PeerConnection enter(PeerConnection caller) {
        if (sources.size() >= MAX_SOURCES || !sources.add(caller)) {
            throw new OverloadedException(
                    "The events of %d peers are collected already, one offer on each connection"
                            .formatted(sources.size()),
                    RETRY_AFTER);
        }
        return caller;
    }

    private synchronized void leave(PeerConnection caller) {
        sources.remove(caller);
    }

    private Flux<Reply> collect(PeerConnection caller) {
        Mono<Reply> accepted = Mono.fromSupplier(() -> Reply.ofMessage(EventsAcceptedMessage.getDefaultInstance()));
        Flux<EventMessage> events = EventFeed.of(caller).takeUntilOther(closed.asMono());
        return accepted.concatWith(events.doOnNext(event -> sink.next(new CollectedEvent(caller.peerId(), event)))
                .then(Mono.empty()));
    }

    /** Ends all that was accepted. */
    void close() {
        closed.tryEmitEmpty();
    }
}
