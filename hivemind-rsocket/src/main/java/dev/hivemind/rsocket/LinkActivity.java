package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import io.rsocket.util.RSocketProxy;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * What happens on one link: the calls under way, made and served. A channel without calls is at rest, and does not count.
 * Thread-safe.
 */
final class LinkActivity {

    private final boolean dialled;
    private final BooleanSupplier refusesCalls;
    private final AtomicInteger underWay = new AtomicInteger();
    private final AtomicInteger subscriptions = new AtomicInteger();
    private volatile boolean used;

    /**
     * Nothing under way yet.
     *
     * @param dialled whether this side set the link up
     * @param refusesCalls whether calls that begin now are refused
     */
    LinkActivity(boolean dialled, BooleanSupplier refusesCalls) {
        this.dialled = dialled;
        this.refusesCalls = refusesCalls;
    }

    /** Whether this side set the link up. */
    boolean isDialled() {
        return dialled;
    }

    /** Calls under way, whoever began them. Subscriptions have no end that could be waited for, and do not count. */
    int callsUnderWay() {
        return underWay.get();
    }

    /** Whether a call or subscription is under way, or one began since this was last asked. */
    boolean takeUsed() {
        boolean since = used;
        used = false;
        return since || underWay.get() > 0 || subscriptions.get() > 0;
    }

    /** Counts the calls that this side makes. */
    RSocket countCalls(RSocket requester) {
        return new Counting(requester, error -> error);
    }

    /** Counts the calls that this side serves. */
    RSocket countServed(RSocket responder) {
        return new Counting(responder, ErrorCodec::toWire);
    }

    /** Counts a call of a channel until {@link #end()}. */
    void begin() {
        underWay.incrementAndGet();
        used = true;
    }

    /** Ends a call that was counted. */
    void end() {
        underWay.decrementAndGet();
    }

    /** Counts a call while it lasts. */
    <T> Mono<T> count(Mono<T> call) {
        return Mono.defer(() -> {
            begin();
            return call.doFinally(signal -> end());
        });
    }

    private <T> Flux<T> countSubscription(Flux<T> events) {
        return Flux.defer(() -> {
            subscriptions.incrementAndGet();
            used = true;
            return events.doFinally(signal -> subscriptions.decrementAndGet());
        });
    }

    /** @throws PeerUnavailableException if calls that begin now are refused */
    void requireOpen() {
        PeerUnavailableException refusal = refusal();
        if (refusal != null) {
            throw refusal;
        }
    }

    /** Why calls that begin now are refused; null if they are not. */
    @Nullable PeerUnavailableException refusal() {
        return refusesCalls.getAsBoolean() ? closing() : null;
    }

    private static PeerUnavailableException closing() {
        return new PeerUnavailableException("The node is closing");
    }

    private final class Counting extends RSocketProxy {

        private final Function<Throwable, Throwable> toRefusal;

        Counting(RSocket source, Function<Throwable, Throwable> toRefusal) {
            super(source);
            this.toRefusal = toRefusal;
        }

        @Override
        public Mono<Void> fireAndForget(Payload payload) {
            // It only ever ends what is under way.
            return count(source.fireAndForget(payload));
        }

        @Override
        public Mono<Payload> requestResponse(Payload payload) {
            return refusesCalls.getAsBoolean() ? Mono.error(refuse(payload)) : count(source.requestResponse(payload));
        }

        @Override
        public Flux<Payload> requestStream(Payload payload) {
            return refusesCalls.getAsBoolean()
                    ? Flux.error(refuse(payload))
                    : countSubscription(source.requestStream(payload));
        }

        @Override
        public Flux<Payload> requestChannel(Publisher<Payload> payloads) {
            return refusesCalls.getAsBoolean()
                    ? Flux.error(toRefusal.apply(closing()))
                    : source.requestChannel(payloads);
        }

        private Throwable refuse(Payload payload) {
            payload.release();
            return toRefusal.apply(closing());
        }
    }
}
