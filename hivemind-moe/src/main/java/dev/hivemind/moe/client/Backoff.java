package dev.hivemind.moe.client;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Those that failed are left alone for a while: 5 s after the first failure, twice as long after each further one, at
 * most a minute; a success clears the record. Bounded and thread-safe.
 */
public final class Backoff<K> {

    private static final Duration BASE = Duration.ofSeconds(5);
    private static final int MAX_DOUBLINGS = 4;
    private static final Duration MAX = Duration.ofMinutes(1);
    private static final int MAX_KEYS = 10_000;

    private final LongSupplier nanoClock;
    private final Cache<K, Ban> bans =
            Caffeine.newBuilder().maximumSize(MAX_KEYS).executor(Runnable::run).build();

    /** @param nanoClock like {@link System#nanoTime()} */
    public Backoff(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
    }

    /** Whether it failed so short a time ago that it is to be left alone. */
    public boolean isBanned(K key) {
        return !remaining(key).isZero();
    }

    /** How much longer it is to be left alone; zero if it is not. */
    public Duration remaining(K key) {
        Ban ban = bans.getIfPresent(key);
        return ban == null ? Duration.ZERO : Duration.ofNanos(Math.max(0, ban.until - nanoClock.getAsLong()));
    }

    /**
     * Failures while a ban lasts belong to calls that were under way and do not lengthen it.
     *
     * @return whether this is the first failure since the last success
     */
    public boolean failed(K key) {
        boolean[] first = {false};
        bans.asMap().compute(key, (same, ban) -> {
            long now = nanoClock.getAsLong();
            first[0] = ban == null;
            if (ban != null && ban.until - now > 0) {
                return ban;
            }
            int failures = ban == null ? 0 : ban.failures;
            return new Ban(failures + 1, now + delay(failures).toNanos());
        });
        return first[0];
    }

    /** Clears the record; whether there was one. */
    public boolean succeeded(K key) {
        return bans.getIfPresent(key) != null && bans.asMap().remove(key) != null;
    }

    private static Duration delay(int earlierFailures) {
        Duration delay = BASE.multipliedBy(1L << Math.min(earlierFailures, MAX_DOUBLINGS));
        return delay.compareTo(MAX) > 0 ? MAX : delay;
    }

    private record Ban(int failures, long until) {}
}
