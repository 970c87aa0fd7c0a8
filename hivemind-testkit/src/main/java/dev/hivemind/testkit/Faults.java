package dev.hivemind.testkit;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * What is wrong with one direction of a {@link FaultProxy}; at first nothing. A change concerns the bytes that arrive
 * from then on, in connections old and new, except that a black hole also holds bytes which are under way.
 *
 * <p>Threads: any may change it.
 */
public final class Faults {

    private static final long UNLIMITED = Long.MAX_VALUE;

    private final AtomicInteger corruptNext = new AtomicInteger();
    private final AtomicReference<Sinks.@Nullable Empty<Void>> hole = new AtomicReference<>();
    private volatile Duration delay = Duration.ZERO;
    private volatile Duration jitter = Duration.ZERO;
    private volatile long bytesPerSecond = UNLIMITED;
    private volatile double corruption;

    Faults() {}

    /** How long bytes travel. It is latency: however many are under way, each takes this time. Default: zero. */
    public Faults delay(Duration time) {
        delay = requireNotNegative(time);
        return this;
    }

    /**
     * The most that is added to the delay, drawn anew for each buffer. Bytes keep their order, so those that were faster
     * wait for those before them. Default: zero.
     */
    public Faults jitter(Duration most) {
        jitter = requireNotNegative(most);
        return this;
    }

    /**
     * The most bytes per second, for each connection. Default: unlimited.
     *
     * @param rate at least 1
     */
    public Faults throttle(long rate) {
        if (rate < 1) {
            throw new IllegalArgumentException("A rate is at least 1 byte per second, not " + rate);
        }
        bytesPerSecond = rate;
        return this;
    }

    /**
     * Lets nothing through any more, neither bytes nor the end of a connection, until {@link #heal()}. As in a network
     * that TCP outlives, bytes are held and not lost: when the buffers between are full, the sender has to stop.
     */
    public Faults blackHole() {
        hole.compareAndSet(null, Sinks.empty());
        return this;
    }

    /**
     * How likely a buffer, which is what one read of a socket gave but at most 16 KiB, is to have one of its bits
     * flipped. Default: 0.
     *
     * @param probability from 0 to 1
     */
    public Faults corrupt(double probability) {
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("A probability is from 0 to 1, not " + probability);
        }
        corruption = probability;
        return this;
    }

    /**
     * Flips one bit in each of the next buffers, whatever the probability.
     *
     * @param buffers how many, in all connections together; replaces what is left of an earlier call
     */
    public Faults corruptNext(int buffers) {
        if (buffers < 0) {
            throw new IllegalArgumentException("A number of buffers is not negative: " + buffers);
        }
        corruptNext.set(buffers);
        return this;
    }

    /** Ends every fault, and lets go what a black hole held. */
    public Faults heal() {
        delay(Duration.ZERO)
                .jitter(Duration.ZERO)
                .throttle(UNLIMITED)
                .corrupt(0)
                .corruptNext(0);
        Sinks.Empty<Void> held = hole.getAndSet(null);
        if (held != null) {
            held.emitEmpty(Sinks.EmitFailureHandler.FAIL_FAST);
        }
        return this;
    }

    Duration delay() {
        return delay;
    }

    Duration jitter() {
        return jitter;
    }

    double corruption() {
        return corruption;
    }

    /** Whether the next buffer is one of those to corrupt for certain; it is then counted. */
    boolean takeCorruption() {
        return corruptNext.getAndUpdate(left -> Math.max(0, left - 1)) > 0;
    }

    boolean isThrottled() {
        return bytesPerSecond != UNLIMITED;
    }

    long bytesPerSecond() {
        return bytesPerSecond;
    }

    boolean isBlackHole() {
        return hole.get() != null;
    }

    /** Completes when there is no black hole, on the thread that ended it. */
    Mono<Void> passable() {
        Sinks.Empty<Void> held = hole.get();
        return held == null ? Mono.empty() : held.asMono();
    }

    private static Duration requireNotNegative(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("A delay is not negative: " + time);
        }
        return time;
    }
}
