package dev.hivemind.dht;

import dev.hivemind.rsocket.error.RpcTransientException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Reads something again and again.
 *
 * @param read what to read; never empty
 * @param period the pause between two reads
 * @param <T> what is read
 */
record Watch<T>(Mono<T> read, Duration period) {

    private static final Logger LOG = LoggerFactory.getLogger(Watch.class);

    Watch {
        if (period.isNegative() || period.isZero()) {
            throw new IllegalArgumentException("A watch reads again after a positive period");
        }
    }

    /** What was read first, and then each time that it is something else. Transient failures are read over. */
    Flux<T> changes(Scheduler timer) {
        Mono<T> patient = read.onErrorResume(RpcTransientException.class, error -> {
            LOG.debug("A watch could not read, and tries again: {}", error.toString());
            return Mono.empty();
        });
        Mono<T> later = Mono.delay(period, timer).then(patient);
        return Flux.concat(patient, later.repeat()).distinctUntilChanged();
    }
}
