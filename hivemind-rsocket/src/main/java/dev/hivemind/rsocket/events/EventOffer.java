package dev.hivemind.rsocket.events;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.events.proto.EventsOfferMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.util.retry.Retry;

/** Offers the events that a node serves to whoever listens at an address, again and again until it is cancelled. */
final class EventOffer {

    /**
     * Before the second attempt in a row; doubles up to {@link #LAST_PAUSE}, and half of it is left to chance. A collector
     * that accepts for less than that begins no new row.
     */
    static final Duration FIRST_PAUSE = Duration.ofMillis(500);

    static final Duration LAST_PAUSE = Duration.ofSeconds(30);

    private static final Logger LOG = LoggerFactory.getLogger(EventOffer.class);

    private final PeerNode node;
    private final PeerAddress collector;

    EventOffer(PeerNode node, PeerAddress collector) {
        this.node = node;
        this.collector = collector;
    }

    /** The id of the collector, each time it accepts. */
    Flux<PeerId> accepted(Scheduler clock) {
        return Flux.defer(() -> {
            var backOff = new BackOff(FIRST_PAUSE, LAST_PAUSE, () -> clock.now(TimeUnit.MILLISECONDS));
            return node.connect(collector)
                    .flatMapMany(this::offer)
                    .doOnNext(id -> backOff.succeeded())
                    .concatWith(Mono.error(() -> new PeerUnavailableException("It collects no more")))
                    .retryWhen(Retry.from(ends -> ends.concatMap(end -> pause(end, backOff, clock))));
        });
    }

    private Mono<Long> pause(Retry.RetrySignal end, BackOff backOff, Scheduler clock) {
        if (backOff.failed()) {
            tell(end.failure());
        }
        return Mono.delay(backOff.pause(), clock);
    }

    private Flux<PeerId> offer(PeerConnection connection) {
        return Flux.using(
                () -> Request.ofSubscription(Operation.EVENTS_OFFER, "", EventsOfferMessage.getDefaultInstance()),
                request -> connection.subscribe(request).map(reply -> accepted(connection, reply)),
                Request::release);
    }

    private static PeerId accepted(PeerConnection connection, Reply reply) {
        reply.release();
        return connection.peerId();
    }

    /** Of many failures in a row, the first is told. */
    private void tell(Throwable failure) {
        LOG.warn(
                "Events do not reach {} ({}); it is dialled again until it collects them",
                collector,
                failure.getMessage());
    }
}
