package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.frame.Deadline;
import io.netty.util.ReferenceCountUtil;
import java.time.Duration;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Timeouts for values that are reference-counted. */
final class Deadlines {

    /** The key under which Reactor looks for a subscriber's own handler of values that came too late. */
    private static final String ON_NEXT_DROPPED = "reactor.onNextDropped.local";

    private static final Consumer<Object> RELEASE = Deadlines::release;

    private Deadlines() {}

    /**
     * Fails with a {@link java.util.concurrent.TimeoutException} unless a value comes in time. A value that races with
     * the timeout and loses is released.
     */
    static <T> Mono<T> enforce(Mono<T> source, Duration remaining) {
        return source.timeout(remaining).contextWrite(context -> context.put(ON_NEXT_DROPPED, RELEASE));
    }

    /** Fails with a {@link DeadlineExceededException} when the deadline passes before the source ends. */
    static <T> Flux<T> enforce(Flux<T> source, Deadline deadline) {
        if (deadline.isNever()) {
            return source;
        }
        Mono<T> late = Mono.delay(deadline.remaining())
                .then(Mono.error(() -> new DeadlineExceededException("The deadline passed")));
        return source.takeUntilOther(late);
    }

    private static void release(Object tooLate) {
        if (tooLate instanceof Reply reply) {
            reply.release();
        } else {
            ReferenceCountUtil.safeRelease(tooLate);
        }
    }
}
