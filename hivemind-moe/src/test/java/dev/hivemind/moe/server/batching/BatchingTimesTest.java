package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.testkit.ManualClock;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.scheduler.VirtualTimeScheduler;

/** What a runtime does as time passes, on a clock and a timer that the test moves, and with several devices. */
class BatchingTimesTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final BatchLimits LIMITS = BatchLimits.ofBatchSize(16);

    private final ManualClock clock = new ManualClock();
    private final VirtualTimeScheduler timer = VirtualTimeScheduler.create();
    private final BatchingRuntime runtime =
            BatchingRuntime.create(new DeviceThreads("hivemind-device-test", 2, 1), 1_000_000, clock::nanoTime, timer);
    private final Queue<Long> batchRows = new ConcurrentLinkedQueue<>();

    @AfterEach
    void close() {
        runtime.close(() -> {}).block(TIMEOUT);
    }

    private Computation echo(NDList tensors) {
        batchRows.add(tensors.head().getShape().get(0));
        return Computation.of(tensors);
    }

    private CompletableFuture<Boolean> submit(TaskPool pool) {
        var deadline = new Deadline(clock.nanoTime() + Duration.ofMinutes(30).toNanos());
        return Mono.using(
                        () -> new TensorFrame(
                                TensorDescriptor.of(ElementType.FLOAT32, 1),
                                ByteBufAllocator.DEFAULT.directBuffer(4).writeFloatLE(1)),
                        tensor -> pool.submit(new Call(List.of(tensor), 1, deadline, 0, Peers.peer(1))),
                        TensorFrame::release)
                .map(frames -> {
                    frames.forEach(TensorFrame::release);
                    return true;
                })
                .toFuture();
    }

    private static void await(CompletableFuture<Boolean> result) {
        assertThat(result.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join())
                .isTrue();
    }

    private void advance(Duration time) {
        clock.advance(time);
        timer.advanceTimeBy(time);
    }

    /** Both devices have done what they were woken for before. */
    private void settle() {
        TaskPool pool = runtime.newGroup().addPool("settle", LIMITS, Computation::of);
        for (int i = 0; i < 10; i++) {
            await(submit(pool));
        }
    }

    @Test
    void submit_belowTheMinimum_isComputedAfterTheLingerTime() {
        TaskPool patient =
                runtime.newGroup().addPool("patient", LIMITS.withMinBatchSize(4, Duration.ofMillis(100)), this::echo);
        CompletableFuture<Boolean> first = submit(patient);
        CompletableFuture<Boolean> second = submit(patient);
        settle();
        advance(Duration.ofMillis(99));
        settle();
        assertThat(first).isNotDone();

        advance(Duration.ofMillis(1));

        await(first);
        await(second);
        assertThat(batchRows).containsExactly(2L);
    }

    @Test
    void submit_thatReachesTheMinimum_isComputedAtOnce() {
        TaskPool patient =
                runtime.newGroup().addPool("patient", LIMITS.withMinBatchSize(3, Duration.ofSeconds(10)), this::echo);

        IntStream.range(0, 3).mapToObj(i -> submit(patient)).toList().forEach(BatchingTimesTest::await);

        assertThat(batchRows).containsExactly(3L);
    }

    @Test
    void submit_toAGroupThatPauses_waitsWithoutKeepingTheDevices() {
        TaskPool slow = runtime.newGroup()
                .addPool("slow", LIMITS, tensors -> echo(tensors).pausing(Duration.ofSeconds(5)));
        CompletableFuture<Boolean> first = submit(slow);
        awaitPauses(1);
        CompletableFuture<Boolean> second = submit(slow);
        settle();
        assertThat(first).isNotDone();
        assertThat(slow.queuedRows()).isEqualTo(1);

        advance(Duration.ofSeconds(5));
        await(first);
        assertThat(second).isNotDone();
        awaitPauses(2);
        advance(Duration.ofSeconds(5));
        await(second);
    }

    /** Groups have begun to pause so many times; nothing else has set the timer. */
    private void awaitPauses(int pauses) {
        while (timer.getScheduledTaskCount() < pauses) {
            Thread.onSpinWait();
        }
    }

    @Test
    void close_whileAGroupPauses_answersAtOnce() {
        TaskPool slow = runtime.newGroup()
                .addPool("slow", LIMITS, tensors -> echo(tensors).pausing(Duration.ofHours(5)));
        CompletableFuture<Boolean> result = submit(slow);
        while (batchRows.isEmpty()) {
            Thread.onSpinWait();
        }

        runtime.close(() -> {}).block(TIMEOUT);

        await(result);
    }

    @Test
    void submit_toTwoGroups_isComputedAtTheSameTime() {
        var both = new CyclicBarrier(2);
        BatchFunction meeting = tensors -> {
            meet(both);
            return Computation.of(tensors);
        };
        TaskPool one = runtime.newGroup().addPool("one", LIMITS, meeting);
        TaskPool other = runtime.newGroup().addPool("other", LIMITS, meeting);

        List.of(submit(one), submit(other)).forEach(BatchingTimesTest::await);

        assertThat(both.isBroken()).isFalse();
    }

    private static void meet(CyclicBarrier barrier) {
        try {
            barrier.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void submit_toPoolsOfOneGroup_isNeverComputedAtTheSameTime() {
        var inside = new AtomicInteger();
        var most = new AtomicInteger();
        BatchFunction alone = tensors -> {
            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
            tensors.head().add(1).close();
            inside.decrementAndGet();
            return Computation.of(tensors);
        };
        PoolGroup group = runtime.newGroup();
        List<TaskPool> pools = List.of(
                group.addPool("forward", new BatchLimits(1, 1_000), alone),
                group.addPool("backward", new BatchLimits(1, 1_000), alone));

        IntStream.range(0, 400).mapToObj(i -> submit(pools.get(i % 2))).toList().forEach(BatchingTimesTest::await);

        assertThat(most).hasValue(1);
    }

    @Test
    void choose_givesManyExpertsAThreadEachAndASingleOneAllCores() {
        assertThat(DeviceThreads.choose("d", 1, 8)).isEqualTo(new DeviceThreads("d", 1, 8));
        assertThat(DeviceThreads.choose("d", 100, 8)).isEqualTo(new DeviceThreads("d", 8, 1));
        assertThat(DeviceThreads.choose("d", 3, 8)).isEqualTo(new DeviceThreads("d", 3, 2));
        assertThat(DeviceThreads.choose("d", 0, 1)).isEqualTo(new DeviceThreads("d", 1, 1));
    }
}
