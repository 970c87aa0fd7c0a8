package dev.hivemind.moe.client;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Peers that failed are left alone for a while: 5 s after the first failure, twice as long after each further one, at
 * most a minute; a success clears the record. Bounded and thread-safe.
 */
final class PeerBackoff {

    private static final Duration BASE = Duration.ofSeconds(5);
    private static final int MAX_DOUBLINGS = 4;
    private static final Duration MAX = Duration.ofMinutes(1);
    private static final int MAX_PEERS = 10_000;

    private final LongSupplier nanoClock;
    private final Cache<PeerId, Ban> bans =
            Caffeine.newBuilder().maximumSize(MAX_PEERS).executor(Runnable::run).build();

    PeerBackoff(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
    }

    boolean isBanned(PeerId peer) {
        Ban ban = bans.getIfPresent(peer);
        return ban != null && ban.until - nanoClock.getAsLong() > 0;
    }

    /** Failures while a ban lasts belong to calls that were under way and do not lengthen it. */
    void failed(PeerId peer) {
        bans.asMap().compute(peer, (id, ban) -> {
            long now = nanoClock.getAsLong();
            if (ban != null && ban.until - now > 0) {
                return ban;
            }
            int failures = ban == null ? 0 : ban.failures;
            return new Ban(failures + 1, now + delay(failures).toNanos());
        });
    }

    void succeeded(PeerId peer) {
        if (bans.asMap().containsKey(peer)) {
            bans.invalidate(peer);
        }
    }

    private static Duration delay(int earlierFailures) {
        Duration delay = BASE.multipliedBy(1L << Math.min(earlierFailures, MAX_DOUBLINGS));
        return delay.compareTo(MAX) > 0 ? MAX : delay;
    }

    private record Ban(int failures, long until) {}
}
