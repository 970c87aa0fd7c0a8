package dev.hivemind.dht.lookup;

import java.time.Duration;

/**
 * How lookups are paced.
 *
 * @param alpha how many requests are under way at once, those past the soft timeout not counted
 * @param softTimeout after which a silent peer no longer holds a slot; its answer still counts
 * @param deadline after which a lookup ends with what it has
 */
public record LookupConfig(int alpha, Duration softTimeout, Duration deadline) {

    public LookupConfig {
        if (alpha < 1 || softTimeout.isNegative() || deadline.isNegative()) {
            throw new IllegalArgumentException("alpha is at least 1, and timeouts are not negative");
        }
    }
}
