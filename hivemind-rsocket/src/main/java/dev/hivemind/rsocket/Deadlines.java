package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.frame.Deadline;
import java.time.Duration;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Timeouts for values that are reference-counted. */
final class Deadlines {

    private Deadlines() {}

    /**
     * Fails with a {@link java.util.concurrent.TimeoutException} unless a value comes in time. A value that races with
     * the timeout and loses is released.
     */
    static <T> Mono<T> enforce(Mono<T> source, Duration remaining) {
        return new DeadlineMono<>(source, remaining, Discards::release);
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
}
