package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.testkit.ManualClock;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

class WaitingTasksTest {

    private static final int MAX_BATCH = 16;
    private static final Duration LONG = Duration.ofMinutes(10);
    private static final BatchLimits LIMITS = new BatchLimits(MAX_BATCH, 64);

    private final ManualClock clock = new ManualClock();
    private WaitingTasks tasks = new WaitingTasks(clock::nanoTime, 1, 1_000_000);
    private final PoolQueue pool = pool(LIMITS);

    private static PoolQueue pool(BatchLimits limits) {
        var group = new PoolGroup(queue -> {
            throw new AssertionError("The test makes its pools itself");
        });
        return new PoolQueue(
                "test",
                group,
                limits,
                tensors -> {
                    throw new AssertionError("Nothing is computed here");
                },
                BatchListener.NONE);
    }

    private Task task(int caller, int rows, int priority, Duration timeout) {
        var deadline = new Deadline(clock.nanoTime() + timeout.toNanos());
        return Task.owning(new Call(List.of(), rows, deadline, priority, Peers.peer(caller)));
    }

    private Task task(int caller, int rows) {
        return task(caller, rows, 0, LONG);
    }

    /** A task that got in, a moment after the one before. */
    private Task submitted(PoolQueue to, Task task) {
        clock.advance(Duration.ofNanos(1));
        assertThat(tasks.admit(to, task)).isNull();
        assertThat(tasks.queue(to, task)).isTrue();
        return task;
    }

    private Task submitted(int caller, int rows) {
        return submitted(pool, task(caller, rows));
    }

    private List<Task> taken() {
        return tasks.take().map(Batch::tasks).orElse(List.of());
    }

    /** A batch from first to last. */
    private void compute(Batch batch, Duration time) {
        clock.advance(time);
        tasks.computed(batch, time);
        tasks.finished(batch);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void take_ofRandomTasks_equalsTheNaiveReference(long seed) {
        var random = new Random(seed);
        var naive = new NaiveBatching(MAX_BATCH);
        List<PoolQueue> pools = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            pools.add(pool(new BatchLimits(MAX_BATCH, 1_000_000)));
        }
        Map<Task, Integer> queued = new HashMap<>();
        List<Batch> running = new ArrayList<>();
        long start = clock.nanoTime();
        int compared = 0;
        for (int step = 0; step < 2_000; step++) {
            clock.advance(Duration.ofMillis(1 + random.nextInt(40)));
            int choice = random.nextInt(10);
            if (choice < 6) {
                int to = random.nextInt(pools.size());
                Task task = task(
                        random.nextInt(5),
                        1 + random.nextInt(MAX_BATCH),
                        random.nextInt(3) - 1,
                        Duration.ofMillis(random.nextInt(60_000)));
                assertThat(tasks.queue(pools.get(to), accounted(pools.get(to), task)))
                        .isTrue();
                long now = clock.nanoTime() - start;
                naive.add(new NaiveBatching.Waiting(task, to, now, now + task.remainingNanos(clock.nanoTime())));
                queued.put(task, to);
            } else if (choice == 6 && !queued.isEmpty()) {
                Task task = queued.keySet().stream()
                        .skip(random.nextInt(queued.size()))
                        .findFirst()
                        .orElseThrow();
                tasks.cancel(pools.get(queued.remove(task)), task);
                naive.remove(task);
            } else if (choice == 7 && !running.isEmpty()) {
                Batch batch = running.remove(random.nextInt(running.size()));
                tasks.computed(batch, Duration.ZERO);
                tasks.finished(batch);
                naive.finish(pools.indexOf(batch.pool()));
            } else {
                List<Task> expected = naive.take(clock.nanoTime() - start);
                Batch batch = tasks.take().orElse(null);
                assertThat(batch == null ? List.of() : batch.tasks()).isEqualTo(expected);
                if (batch != null) {
                    running.add(batch);
                    batch.tasks().forEach(queued::remove);
                    compared++;
                }
            }
        }
        assertThat(compared).isGreaterThan(100);
    }

    /** Let in without looking at estimates, which the reference does not know. */
    private Task accounted(PoolQueue to, Task task) {
        to.admittedRows().add(task.caller(), task.rows());
        return task;
    }

    @Test
    void take_whileOneCallerFloods_servesTheOtherInTheNextBatch() {
        for (int i = 0; i < 30; i++) {
            submitted(1, 1);
        }
        Task modest = submitted(2, 1);

        assertThat(taken()).hasSize(16).contains(modest);
    }

    @Test
    void take_whenACallersTaskDoesNotFit_beginsTheNextBatchWithIt() {
        Task small = submitted(1, 1);
        Task large = submitted(2, MAX_BATCH);
        Task later = submitted(1, 1);

        Batch first = tasks.take().orElseThrow();
        compute(first, Duration.ZERO);

        assertThat(first.tasks()).containsExactly(small, later);
        assertThat(taken()).containsExactly(large);
    }

    @Test
    void take_ofAnUrgentTask_overtakesOlderOnes() {
        PoolQueue other = pool(LIMITS);
        Task normal = submitted(other, task(1, 1));
        Task low = submitted(pool, task(1, 1, -5, LONG));
        Task urgent = submitted(pool, task(1, 1, Integer.MAX_VALUE, LONG));

        assertThat(taken()).containsExactly(urgent, low);
        assertThat(taken()).containsExactly(normal);
    }

    @Test
    void take_ofAnOldTask_isNotPutOffByUrgentOnesForEver() {
        PoolQueue other = pool(LIMITS);
        Task old = submitted(other, task(1, 1));
        clock.advance(PriorityClass.HEAD_START);
        submitted(pool, task(2, 1, 1, LONG));

        assertThat(taken()).containsExactly(old);
    }

    @Test
    void take_whileTheGroupIsBusy_leavesItsTasksAlone() {
        submitted(1, 1);
        Batch batch = tasks.take().orElseThrow();
        Task next = submitted(1, 1);

        assertThat(taken()).isEmpty();
        tasks.computed(batch, Duration.ofMillis(1));
        assertThat(taken()).isEmpty();
        tasks.finished(batch);
        assertThat(taken()).containsExactly(next);
    }

    @Test
    void take_afterADeadline_failsTheTaskAndTakesTheOthers() {
        List<RpcException> errors = new ArrayList<>();
        Task late = task(1, 1, 0, Duration.ofMillis(5));
        Mono.<List<TensorFrame>>create(late::replyTo)
                .subscribe(frames -> {}, error -> errors.add((RpcException) error));
        submitted(pool, late);
        Task kept = submitted(2, 1);
        clock.advance(Duration.ofMillis(5));

        assertThat(taken()).containsExactly(kept);
        assertThat(errors).singleElement().isInstanceOf(DeadlineExceededException.class);
        assertThat(tasks.queuedRows(pool)).isZero();
    }

    @Test
    void take_belowTheMinimum_waitsForMoreRowsOrTheLingerTime() {
        PoolQueue patient = pool(LIMITS.withMinBatchSize(3, Duration.ofMillis(20)));
        Task first = submitted(patient, task(1, 1));
        Task second = submitted(patient, task(1, 1));

        assertThat(taken()).isEmpty();
        assertThat(tasks.nextIn()).hasValue(Duration.ofMillis(20).minusNanos(1));
        clock.advance(Duration.ofMillis(20));
        assertThat(taken()).containsExactly(first, second);
    }

    @Test
    void take_atTheMinimum_doesNotWait() {
        PoolQueue patient = pool(LIMITS.withMinBatchSize(3, Duration.ofMillis(20)));
        submitted(patient, task(1, 1));
        submitted(patient, task(1, 2));

        assertThat(taken()).hasSize(2);
    }

    @Test
    void take_ofATaskWithLittleTime_lingersForHalfOfItOnly() {
        PoolQueue patient = pool(LIMITS.withMinBatchSize(3, Duration.ofSeconds(20)));
        submitted(patient, task(1, 1));
        Task hasty = submitted(patient, task(1, 1, 0, Duration.ofMillis(10)));

        clock.advance(Duration.ofMillis(5));
        assertThat(taken()).hasSize(2).contains(hasty);
    }

    @Test
    void cancel_ofTheOldest_doesNotLetItsPoolJumpTheQueue() {
        PoolQueue other = pool(LIMITS);
        Task cancelled = submitted(1, 1);
        Task second = submitted(other, task(1, 1));
        submitted(1, 1);

        assertThat(tasks.cancel(pool, cancelled)).isTrue();

        assertThat(tasks.cancel(pool, cancelled)).isFalse();
        assertThat(taken()).containsExactly(second);
    }

    @Test
    void admit_ofOneCallerAlone_stopsAtHalfOfTheRows() {
        int accepted = 0;
        while (tasks.admit(pool, task(1, 1)) == null) {
            accepted++;
        }

        assertThat(accepted).isEqualTo(32);
        assertThat(tasks.queuedRows(pool)).isEqualTo(32);
        assertThat(tasks.admit(pool, task(2, MAX_BATCH))).isNull();
        assertThat(tasks.admit(pool, task(3, MAX_BATCH))).isNull();
    }

    @Test
    void admit_toAFullPool_isRefusedWithATimeToRetry() {
        for (int caller = 0; caller < 4; caller++) {
            assertThat(tasks.admit(pool, task(caller, MAX_BATCH))).isNull();
        }

        assertThat(tasks.admit(pool, task(9, 1)))
                .isInstanceOfSatisfying(
                        OverloadedException.class,
                        refusal -> assertThat(refusal.retryAfter()).isPositive())
                .hasMessage("64 rows wait for 'test' already, 0 of them yours");
    }

    @Test
    void admit_ofManyBytes_stopsAtHalfOfThemForOneCaller() {
        tasks = new WaitingTasks(clock::nanoTime, 1, 1_000);
        PoolQueue other = pool(LIMITS);

        assertThat(tasks.admit(pool, ofBytes(1, 300))).isNull();
        assertThat(tasks.admit(other, ofBytes(1, 200))).isNull();
        assertThat(tasks.admit(other, ofBytes(1, 1))).isInstanceOf(OverloadedException.class);
        assertThat(tasks.admit(other, ofBytes(2, 500))).isNull();
        assertThat(tasks.admit(pool, ofBytes(3, 1))).isInstanceOf(OverloadedException.class);
    }

    @Test
    void admit_ofMoreBytesThanTheLimit_isPossibleWhenNothingWaits() {
        tasks = new WaitingTasks(clock::nanoTime, 1, 1_000);

        assertThat(tasks.admit(pool, ofBytes(1, 2_000))).isNull();
        assertThat(tasks.admit(pool, ofBytes(2, 1))).isInstanceOf(OverloadedException.class);
    }

    private Task ofBytes(int caller, int bytes) {
        var tensor = new TensorFrame(
                TensorDescriptor.of(ElementType.UINT8, 1, bytes), Unpooled.wrappedBuffer(new byte[bytes]));
        var deadline = new Deadline(clock.nanoTime() + LONG.toNanos());
        return Task.owning(new Call(List.of(tensor), 1, deadline, 0, Peers.peer(caller)));
    }

    @Test
    void admit_afterTheDeadline_isRefused() {
        assertThat(tasks.admit(pool, task(1, 1, 0, Duration.ZERO))).isInstanceOf(DeadlineExceededException.class);
    }

    @Test
    void admit_ofATaskThatCannotMeetItsDeadline_isRefusedWithATimeToRetry() {
        observe(Duration.ofMillis(100));
        submitted(1, MAX_BATCH);
        tasks.take().orElseThrow();
        submitted(1, MAX_BATCH);

        // 100 ms for the batch under way, 100 ms for the one that waits, 100 ms for its own.
        assertThat(tasks.admit(pool, task(1, MAX_BATCH, 0, Duration.ofMillis(290))))
                .isInstanceOfSatisfying(
                        OverloadedException.class,
                        refusal -> assertThat(refusal.retryAfter())
                                .isBetween(Duration.ofMillis(295), Duration.ofMillis(300)));
        assertThat(tasks.admit(pool, task(1, MAX_BATCH, 0, Duration.ofMillis(310))))
                .isNull();
    }

    @Test
    void admit_ofAModestCaller_isNotRefusedForTheQueueOfAnother() {
        observe(Duration.ofMillis(100));
        submitted(1, MAX_BATCH);
        submitted(1, MAX_BATCH);

        assertThat(tasks.admit(pool, task(1, MAX_BATCH, 0, Duration.ofMillis(210))))
                .isNotNull();
        assertThat(tasks.admit(pool, task(2, 1, 0, Duration.ofMillis(210)))).isNull();
    }

    @Test
    void admit_toAPoolInWhichNothingHappens_isNotRefusedForAnOldEstimate() {
        observe(Duration.ofSeconds(100));

        assertThat(tasks.admit(pool, task(1, 1, 0, Duration.ofMillis(10)))).isNull();
    }

    @Test
    void admit_behindOlderPools_countsTheirBatches() {
        PoolQueue other = pool(LIMITS);
        observe(Duration.ofMillis(100));
        submitted(1, MAX_BATCH);
        // An estimate of its own makes the other pool estimate at all.
        other.computeTime().record(1, 1);
        clock.advance(Duration.ofNanos(1));

        assertThat(tasks.admit(other, task(2, 1, 0, Duration.ofMillis(90)))).isInstanceOf(OverloadedException.class);
        assertThat(tasks.admit(other, task(2, 1, 1, Duration.ofMillis(90)))).isNull();
    }

    /** Lets the pool learn how long its batches take. */
    private void observe(Duration time) {
        submitted(1, MAX_BATCH);
        compute(tasks.take().orElseThrow(), time);
    }

    @Test
    void admitLater_waitsForRoom() {
        for (int i = 0; i < 2; i++) {
            submitted(1, MAX_BATCH);
        }
        List<Applicant> admitted = new ArrayList<>();
        applies(admitted, task(1, MAX_BATCH));
        applies(admitted, task(1, MAX_BATCH));
        assertThat(admitted).isEmpty();

        Batch batch = tasks.take().orElseThrow();
        assertThat(admitted).hasSize(1);
        compute(batch, Duration.ZERO);
        tasks.take().orElseThrow();

        assertThat(admitted)
                .hasSize(2)
                .allSatisfy(applicant -> assertThat(applicant.refusal()).isNull());
    }

    @Test
    void admitLater_whenTheRuntimeCloses_isRefused() {
        for (int i = 0; i < 2; i++) {
            submitted(1, MAX_BATCH);
        }
        List<Applicant> decided = new ArrayList<>();
        applies(decided, task(1, MAX_BATCH));

        tasks.close();

        assertThat(decided)
                .singleElement()
                .satisfies(applicant -> assertThat(applicant.refusal()).isInstanceOf(PeerUnavailableException.class));
        assertThat(tasks.queuedRows(pool)).isZero();
    }

    @Test
    void abandon_ofAnApplicant_leavesNothingBehind() {
        for (int i = 0; i < 2; i++) {
            submitted(1, MAX_BATCH);
        }
        List<Applicant> decided = new ArrayList<>();
        Applicant applicant = applies(decided, task(1, MAX_BATCH));

        assertThat(tasks.abandon(applicant)).isTrue();

        taken();
        assertThat(decided).isEmpty();
        assertThat(tasks.queuedRows(pool)).isEqualTo(MAX_BATCH);
    }

    private Applicant applies(List<Applicant> decided, Task task) {
        List<Applicant> created = new ArrayList<>();
        Mono.<Applicant>create(sink -> {
                    created.add(new Applicant(pool, task, sink));
                    tasks.admitLater(created.get(0));
                })
                .subscribe(decided::add);
        return created.get(0);
    }
}
