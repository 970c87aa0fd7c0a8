package dev.hivemind.rsocket;

import io.netty.util.ReferenceCountUtil;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.context.Context;

/**
 * Releases what Reactor discards on its way, on cancellation for example. Replaces the hooks from further down, as which
 * {@link Flux#doOnDiscard} does not: two hooks for one buffer would release it twice.
 */
final class Discards {

    /** The key under which Reactor looks for a subscriber's own handler of values that nobody will receive. */
    private static final String ON_DISCARD = "reactor.onDiscard.local";

    private static final Consumer<Object> RELEASE = Discards::release;

    private Discards() {}

    static <T> Flux<T> released(Flux<T> flux) {
        return flux.contextWrite(Discards::releasing);
    }

    static <T> Mono<T> released(Mono<T> mono) {
        return mono.contextWrite(Discards::releasing);
    }

    private static Context releasing(Context context) {
        return context.getOrDefault(ON_DISCARD, null) == RELEASE ? context : context.put(ON_DISCARD, RELEASE);
    }

    /** Gives up what one of our streams carries; leaves anything else alone. */
    static void release(Object value) {
        if (value instanceof Reply reply) {
            reply.release();
        } else if (value instanceof Message message) {
            message.release();
        } else if (value instanceof Request request) {
            request.release();
        } else {
            ReferenceCountUtil.safeRelease(value);
        }
    }
}
