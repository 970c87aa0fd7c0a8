package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How long calls to experts may take.
 *
 * @param forwardTimeout for one forward call, from encoding to answer; default 10 s
 * @param backwardTimeout for one backward call; default 10 s
 * @param discoveryTimeToLive how long the list of living experts is used before the DHT is asked again; default 10 s
 */
public record CallPolicy(Duration forwardTimeout, Duration backwardTimeout, Duration discoveryTimeToLive) {

    /** The default times. */
    public static final CallPolicy DEFAULT =
            new CallPolicy(Duration.ofSeconds(10), Duration.ofSeconds(10), Duration.ofSeconds(10));

    /** @throws IllegalArgumentException if a time is zero or negative */
    public CallPolicy {
        requirePositive(forwardTimeout, "forwardTimeout");
        requirePositive(backwardTimeout, "backwardTimeout");
        requirePositive(discoveryTimeToLive, "discoveryTimeToLive");
    }

    /** The same policy with another forward timeout. */
    public CallPolicy withForwardTimeout(Duration timeout) {
        return new CallPolicy(timeout, backwardTimeout, discoveryTimeToLive);
    }

    /** The same policy with another backward timeout. */
    public CallPolicy withBackwardTimeout(Duration timeout) {
        return new CallPolicy(forwardTimeout, timeout, discoveryTimeToLive);
    }

    /** The same policy with another lifetime of discovered experts. */
    public CallPolicy withDiscoveryTimeToLive(Duration timeToLive) {
        return new CallPolicy(forwardTimeout, backwardTimeout, timeToLive);
    }

    private static void requirePositive(Duration duration, String name) {
        requireNonNull(duration, name);
        if (duration.isNegative() || duration.isZero()) {
            throw new IllegalArgumentException(name + " is positive, not " + duration);
        }
    }
}
