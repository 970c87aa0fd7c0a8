package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import reactor.core.scheduler.Scheduler;

/**
 * Keeps peers that could not be reached from being dialled again at once. The wait is drawn from zero to a bound, which
 * doubles with each failure in a row from 100 ms to 10 s. Remembers a bounded number of failures. Thread-safe.
 */
final class DialBackoff {

    private static final Duration FIRST_BOUND = Duration.ofMillis(100);
    private static final Duration LAST_BOUND = Duration.ofSeconds(10);
    private static final int MAX_DOUBLINGS = 7;
    private static final int MAX_TARGETS = 1_024;

    private final Scheduler clock;
    private final RandomGenerator random;

    /** Least recently failed first. */
    private final Map<Target, Failures> failures = new LinkedHashMap<>();

    /** A peer, by the addresses that were tried. */
    record Target(PeerId id, List<PeerAddress> addresses) {}

    private record Failures(int inARow, long retryAtMillis) {}

    DialBackoff(Scheduler clock, RandomGenerator random) {
        this.clock = clock;
        this.random = random;
    }

    /** Why the target must not be dialled now; null if it may. */
    synchronized @Nullable PeerUnavailableException refusal(Target target) {
        Failures known = failures.get(target);
        if (known == null || known.retryAtMillis <= now()) {
            return null;
        }
        return new PeerUnavailableException("Peer %s could not be reached %d times in a row; next attempt in %d ms"
                .formatted(target.id().toShortString(), known.inARow, known.retryAtMillis - now()));
    }

    synchronized void failed(Target target) {
        Failures known = failures.remove(target);
        int inARow = known == null ? 1 : known.inARow + 1;
        failures.put(target, new Failures(inARow, now() + drawMillis(inARow)));
        if (failures.size() > MAX_TARGETS) {
            failures.remove(failures.keySet().iterator().next());
        }
    }

    synchronized void succeeded(Target target) {
        failures.remove(target);
    }

    private long drawMillis(int inARow) {
        long bound = FIRST_BOUND.toMillis() << Math.min(inARow - 1, MAX_DOUBLINGS);
        return random.nextLong(Math.min(bound, LAST_BOUND.toMillis()) + 1);
    }

    private long now() {
        return clock.now(TimeUnit.MILLISECONDS);
    }

    synchronized int size() {
        return failures.size();
    }
}
