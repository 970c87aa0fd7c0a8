package dev.hivemind.dht;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * By how much this node's clock differs from those of the peers that it pinged last: the median, since any one of them may
 * be wrong. Confined to the node's loop.
 */
final class ClockSkew {

    private static final Logger LOG = LoggerFactory.getLogger(ClockSkew.class);
    private static final int MAX_SAMPLES = 31;
    private static final int ENOUGH = 5;
    private static final int CHECK_EVERY = 8;
    private static final Duration TOLERABLE = Duration.ofSeconds(1);
    private static final Duration BETWEEN_WARNINGS = Duration.ofMinutes(10);

    private final Deque<Duration> samples = new ArrayDeque<>();
    private int observed;
    private Instant silentUntil = Instant.MIN;

    /** A peer told its time. */
    void observe(Instant theirs, Instant ours) {
        samples.addLast(Duration.between(ours, theirs));
        if (samples.size() > MAX_SAMPLES) {
            samples.removeFirst();
        }
        if (++observed % CHECK_EVERY == 0 && median().abs().compareTo(TOLERABLE) > 0 && !ours.isBefore(silentUntil)) {
            silentUntil = ours.plus(BETWEEN_WARNINGS);
            LOG.warn(
                    "The clocks of other peers differ from this one's by {}: records expire too early or too late. Is the"
                            + " time of this machine set?",
                    median());
        }
    }

    /** How far the others are ahead; zero until a few are known. */
    Duration median() {
        List<Duration> sorted = samples.stream().sorted().toList();
        return sorted.size() < ENOUGH ? Duration.ZERO : sorted.get(sorted.size() / 2);
    }
}
