package dev.hivemind.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * One direction of one connection: bytes enter, suffer the {@link Faults} of the moment, and leave in order.
 *
 * <p>Stages: cut into chunks, pace (the link's rate), corrupt, travel (its latency), pass (no black hole). The end of the
 * stream goes the same way, as an empty chunk, so that it arrives neither before bytes nor through a black hole. At most
 * {@value #WINDOW} chunks travel at once, after which nothing more is asked for.
 */
final class Lane {

    static final int MAX_CHUNK_BYTES = 16 * 1024;
    static final int WINDOW = 256;

    private static final byte[] END = {};
    private static final int CHUNKS_PER_SECOND = 20;
    private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long TIMER_SLACK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final Faults faults;
    private final Scheduler scheduler;
    private final SplittableRandom random;
    private long freeAtNanos;
    private boolean broken;

    Lane(Faults faults, Scheduler scheduler, SplittableRandom random) {
        this.faults = faults;
        this.scheduler = scheduler;
        this.random = random;
        this.freeAtNanos = now();
    }

    /**
     * The bytes as they leave. The arrays of {@code bytes} belong to the lane.
     *
     * <p>Errors: none of its own. A failure of {@code bytes} ends the stream in order, and {@link #isBroken()} tells it.
     * Use it once.
     */
    Flux<byte[]> carry(Flux<byte[]> bytes) {
        return bytes.onErrorResume(this::breakOff)
                .concatWithValues(END)
                .concatMap(this::paceChunks, 1)
                .doOnNext(this::corrupt)
                .flatMapSequential(this::travel, WINDOW, 1)
                .concatMap(this::pass, 1)
                .filter(chunk -> chunk.length > 0);
    }

    /** Whether the stream that entered had failed; told from when the carried one has completed. */
    boolean isBroken() {
        return broken;
    }

    private Mono<byte[]> breakOff(Throwable error) {
        broken = true;
        return Mono.empty();
    }

    private Flux<byte[]> paceChunks(byte[] bytes) {
        return Flux.fromIterable(cut(bytes)).concatMap(this::pace, 1);
    }

    /** Small enough that a slow link gives a flow and not bursts. */
    private List<byte[]> cut(byte[] bytes) {
        int size = (int) Math.max(1, Math.min(MAX_CHUNK_BYTES, faults.bytesPerSecond() / CHUNKS_PER_SECOND));
        if (bytes.length <= size) {
            return List.of(bytes);
        }
        List<byte[]> chunks = new ArrayList<>();
        for (int from = 0; from < bytes.length; from += size) {
            chunks.add(Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + size)));
        }
        return chunks;
    }

    private Mono<byte[]> pace(byte[] chunk) {
        if (chunk.length == 0 || !faults.isThrottled()) {
            return Mono.just(chunk);
        }
        long now = now();
        // What timers were late is made up for, so that the rate is kept; idle time is not.
        freeAtNanos = Math.max(freeAtNanos, now - TIMER_SLACK_NANOS)
                + (long) ((double) chunk.length * SECOND_NANOS / faults.bytesPerSecond());
        return after(Duration.ofNanos(freeAtNanos - now), chunk);
    }

    private Mono<byte[]> travel(byte[] chunk) {
        Duration time = faults.delay();
        long jitterNanos = faults.jitter().toNanos();
        if (jitterNanos > 0) {
            time = time.plusNanos(random.nextLong(jitterNanos));
        }
        return after(time, chunk);
    }

    private void corrupt(byte[] chunk) {
        if (chunk.length == 0) {
            return;
        }
        boolean drawn = random.nextDouble() < faults.corruption();
        if (faults.takeCorruption() || drawn) {
            chunk[random.nextInt(chunk.length)] ^= (byte) (1 << random.nextInt(Byte.SIZE));
        }
    }

    private Mono<byte[]> pass(byte[] chunk) {
        if (!faults.isBlackHole()) {
            return Mono.just(chunk);
        }
        return faults.passable().publishOn(scheduler).then(Mono.defer(() -> pass(chunk)));
    }

    private Mono<byte[]> after(Duration time, byte[] chunk) {
        boolean atOnce = time.isNegative() || time.isZero();
        return atOnce ? Mono.just(chunk) : Mono.delay(time, scheduler).thenReturn(chunk);
    }

    private long now() {
        return scheduler.now(TimeUnit.NANOSECONDS);
    }
}
