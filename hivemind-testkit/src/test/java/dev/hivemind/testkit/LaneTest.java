package dev.hivemind.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.test.scheduler.VirtualTimeScheduler;

/** In virtual time, so that times are exact. */
class LaneTest {

    private final VirtualTimeScheduler time = VirtualTimeScheduler.create();
    private final Faults faults = new Faults();
    private final Lane lane = new Lane(faults, time, new SplittableRandom(1));

    private final List<byte[]> arrived = new ArrayList<>();
    private final List<Long> arrivalMillis = new ArrayList<>();
    private final Disposable.Swap subscription = Disposables.swap();
    private boolean ended;

    @AfterEach
    void close() {
        subscription.dispose();
        time.dispose();
    }

    private void carry(Flux<byte[]> bytes) {
        subscription.update(lane.carry(bytes)
                .subscribe(
                        chunk -> {
                            arrived.add(chunk);
                            arrivalMillis.add(time.now(TimeUnit.MILLISECONDS));
                        },
                        error -> {},
                        () -> ended = true));
    }

    private void pass(long millis) {
        time.advanceTimeBy(Duration.ofMillis(millis));
    }

    private byte[] arrivedBytes() {
        var bytes = new ByteArrayOutputStream();
        arrived.forEach(bytes::writeBytes);
        return bytes.toByteArray();
    }

    /** So many buffers, the first of which holds the byte 0, the second 1, and so on. */
    private static Flux<byte[]> numbered(int buffers) {
        return Flux.range(0, buffers).map(i -> new byte[] {i.byteValue()});
    }

    private static byte[] numbers(int count) {
        byte[] bytes = new byte[count];
        IntStream.range(0, count).forEach(i -> bytes[i] = (byte) i);
        return bytes;
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new SplittableRandom(size).nextBytes(bytes);
        return bytes;
    }

    @Test
    void carry_withoutFaults_passesBytesAndEndAtOnce() {
        byte[] bytes = random(100_000);

        carry(Flux.just(bytes.clone(), new byte[] {1}));

        assertThat(arrivedBytes()).startsWith(bytes).endsWith(1).hasSize(100_001);
        assertThat(ended).isTrue();
    }

    @Test
    void carry_withDelay_letsEachBufferTravelThatLong() {
        faults.delay(Duration.ofMillis(50));
        carry(numbered(100));

        pass(49);
        assertThat(arrived).isEmpty();
        pass(1);
        assertThat(arrivedBytes()).isEqualTo(numbers(100));
        assertThat(ended).isTrue();
    }

    @Test
    void carry_withDelay_lastsAsLongForLaterBuffers() {
        faults.delay(Duration.ofMillis(50));

        carry(Flux.interval(Duration.ofMillis(10), time).take(20).map(i -> new byte[] {i.byteValue()}));
        pass(1_000);

        assertThat(arrivalMillis)
                .isEqualTo(
                        IntStream.rangeClosed(1, 20).mapToObj(i -> 10L * i + 50).toList());
    }

    @Test
    void carry_ofAnEmptyStreamWithDelay_delaysItsEnd() {
        faults.delay(Duration.ofMillis(50));
        carry(Flux.empty());

        pass(49);
        assertThat(ended).isFalse();
        pass(1);
        assertThat(ended).isTrue();
    }

    @Test
    void carry_withJitter_keepsOrderAndStaysWithinIt() {
        faults.delay(Duration.ofMillis(50)).jitter(Duration.ofMillis(20));
        carry(Flux.interval(Duration.ofMillis(1), time).take(200).map(i -> new byte[] {i.byteValue()}));

        pass(1_000);

        assertThat(arrivedBytes()).isEqualTo(numbers(200));
        List<Long> travelled = IntStream.range(0, 200)
                .mapToObj(i -> arrivalMillis.get(i) - (i + 1))
                .toList();
        assertThat(travelled).allMatch(millis -> millis >= 50 && millis <= 70).contains(60L, 65L);
    }

    @Test
    void carry_throttled_keepsTheRate() {
        faults.throttle(1_000);
        carry(Flux.just(new byte[6_000], new byte[4_000]));

        for (int second = 1; second <= 9; second++) {
            pass(1_000);
            assertThat(arrivedBytes()).hasSizeBetween(1_000 * second - 60, 1_000 * second + 60);
        }
        pass(1_000);
        assertThat(arrivedBytes()).hasSize(10_000);
        assertThat(ended).isTrue();
    }

    @Test
    void carry_throttledAfterIdleTime_doesNotCatchUp() {
        faults.throttle(1_000);
        carry(Flux.just(new byte[1_000]).delaySubscription(Duration.ofSeconds(60), time));

        pass(60_500);

        assertThat(arrivedBytes()).hasSizeBetween(440, 560);
    }

    @Test
    void heal_ofAThrottledLane_letsTheRestFlow() {
        faults.throttle(100);
        carry(Flux.just(new byte[10_000]));
        pass(1_000);

        faults.heal();
        pass(100);

        assertThat(arrivedBytes()).hasSize(10_000);
    }

    @Test
    void carry_throughABlackHole_holdsBytesAndEndUntilItHeals() {
        faults.delay(Duration.ofMillis(50));
        carry(numbered(3));
        faults.blackHole();

        pass(100_000);
        assertThat(arrived).isEmpty();
        assertThat(ended).isFalse();
        faults.heal();
        pass(0);
        assertThat(arrivedBytes()).isEqualTo(numbers(3));
        assertThat(ended).isTrue();
    }

    @Test
    void carry_throughABlackHole_stopsAskingForBytes() {
        var asked = new AtomicInteger();
        faults.blackHole();

        carry(Flux.<byte[]>generate(sink -> sink.next(new byte[] {(byte) asked.incrementAndGet()})));
        pass(1_000);

        assertThat(asked).hasValueBetween(Lane.WINDOW, Lane.WINDOW + 8);
    }

    @Test
    void corruptNext_flipsOneBitInEachOfTheNextBuffers() {
        faults.corruptNext(3);

        carry(Flux.range(0, 10).map(i -> new byte[100]));

        assertThat(arrived.stream().map(LaneTest::bitsSet)).containsExactly(1, 1, 1, 0, 0, 0, 0, 0, 0, 0);
    }

    @Test
    void corrupt_withAProbability_flipsAboutThatShareAndAlwaysTheSame() {
        faults.corrupt(0.25);
        carry(Flux.range(0, 1_000).map(i -> new byte[100]));
        byte[] first = arrivedBytes();
        arrived.clear();

        var again = new Lane(faults, time, new SplittableRandom(1));
        again.carry(Flux.range(0, 1_000).map(i -> new byte[100])).subscribe(arrived::add);

        assertThat(bitsSet(first)).isBetween(200, 300);
        assertThat(arrivedBytes()).isEqualTo(first);
    }

    @Test
    void carry_ofAStreamThatFails_endsAfterItsBytesAndIsBroken() {
        faults.delay(Duration.ofMillis(50));
        carry(numbered(2).concatWith(Flux.error(new IOException("reset"))));

        pass(50);

        assertThat(arrivedBytes()).isEqualTo(numbers(2));
        assertThat(ended).isTrue();
        assertThat(lane.isBroken()).isTrue();
    }

    private static int bitsSet(byte[] bytes) {
        return IntStream.range(0, bytes.length)
                .map(i -> Integer.bitCount(bytes[i] & 0xFF))
                .sum();
    }
}
