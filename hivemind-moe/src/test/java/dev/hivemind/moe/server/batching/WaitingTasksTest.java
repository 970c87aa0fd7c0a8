package dev.hivemind.moe.server.batching;

import static dev.hivemind.moe.server.batching.ClockedTasks.LIMITS;
import static dev.hivemind.moe.server.batching.ClockedTasks.LONG;
import static dev.hivemind.moe.server.batching.ClockedTasks.MAX_BATCH;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How tasks go out. {@link AdmissionTest} and {@link ApplicantsTest} see how they come in. */
class WaitingTasksTest {

    private final ClockedTasks tasks = new ClockedTasks();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void take_ofRandomTasks_equalsTheNaiveReference(long seed) {
        var random = new Random(seed);
        var naive = new NaiveBatching(MAX_BATCH);
        List<PoolQueue> pools = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            pools.add(ClockedTasks.newPool(new BatchLimits(MAX_BATCH, 1_000_000)));
        }
        Map<Task, Integer> queued = new HashMap<>();
        List<Batch> running = new ArrayList<>();
        long start = tasks.clock().nanoTime();
        int compared = 0;
        for (int step = 0; step < 2_000; step++) {
            tasks.clock().advance(Duration.ofMillis(1 + random.nextInt(40)));
            int choice = random.nextInt(10);
            if (choice < 6) {
                int to = random.nextInt(pools.size());
                Task task = tasks.task(
                        random.nextInt(5),
                        1 + random.nextInt(MAX_BATCH),
                        random.nextInt(3) - 1,
                        Duration.ofMillis(1 + random.nextInt(60_000)));
                // Batches take no time here, so that nothing is refused for an estimate.
                assertThat(tasks.waiting().enter(pools.get(to), task)).isNull();
                long now = tasks.clock().nanoTime() - start;
                naive.add(new NaiveBatching.Waiting(
                        task, to, now, now + task.remainingNanos(tasks.clock().nanoTime())));
                queued.put(task, to);
            } else if (choice == 6 && !queued.isEmpty()) {
                Task task = queued.keySet().stream()
                        .skip(random.nextInt(queued.size()))
                        .findFirst()
                        .orElseThrow();
                tasks.waiting().cancel(pools.get(queued.remove(task)), task);
                naive.remove(task);
            } else if (choice == 7 && !running.isEmpty()) {
                Batch batch = running.remove(random.nextInt(running.size()));
                tasks.waiting().computed(batch, Duration.ZERO);
                tasks.waiting().finished(batch);
                naive.finish(pools.indexOf(batch.pool()));
            } else {
                List<Task> expected = naive.take(tasks.clock().nanoTime() - start);
                Batch batch = tasks.waiting().take().orElse(null);
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

    @Test
    void take_whileOneCallerFloods_servesTheOtherInTheNextBatch() {
        for (int i = 0; i < 30; i++) {
            tasks.queued(1, 1);
        }
        Task modest = tasks.queued(2, 1);

        assertThat(tasks.taken()).hasSize(16).contains(modest);
    }

    @Test
    void take_whenACallersTaskDoesNotFit_beginsTheNextBatchWithIt() {
        Task small = tasks.queued(1, 1);
        Task large = tasks.queued(2, MAX_BATCH);
        Task later = tasks.queued(1, 1);

        assertThat(tasks.computed(Duration.ZERO)).containsExactly(small, later);
        assertThat(tasks.taken()).containsExactly(large);
    }

    @Test
    void take_ofAnUrgentTask_overtakesOlderOnes() {
        PoolQueue other = ClockedTasks.newPool(LIMITS);
        Task normal = tasks.queued(other, tasks.task(1, 1));
        Task low = tasks.queued(tasks.pool(), tasks.task(1, 1, -5, LONG));
        Task urgent = tasks.queued(tasks.pool(), tasks.task(1, 1, Integer.MAX_VALUE, LONG));

        assertThat(tasks.taken()).containsExactly(urgent, low);
        assertThat(tasks.taken()).containsExactly(normal);
    }

    @Test
    void take_ofAnOldTask_isNotPutOffByUrgentOnesForEver() {
        PoolQueue other = ClockedTasks.newPool(LIMITS);
        Task old = tasks.queued(other, tasks.task(1, 1));
        tasks.clock().advance(PriorityClass.HEAD_START);
        tasks.queued(tasks.pool(), tasks.task(2, 1, 1, LONG));

        assertThat(tasks.taken()).containsExactly(old);
    }

    @Test
    void take_whileTheGroupIsBusy_leavesItsTasksAlone() {
        tasks.queued(1, 1);
        Batch batch = tasks.waiting().take().orElseThrow();
        Task next = tasks.queued(1, 1);

        assertThat(tasks.taken()).isEmpty();
        tasks.waiting().computed(batch, Duration.ofMillis(1));
        assertThat(tasks.taken()).isEmpty();
        tasks.waiting().finished(batch);
        assertThat(tasks.taken()).containsExactly(next);
    }

    @Test
    void take_afterADeadline_failsTheTaskAndTakesTheOthers() {
        Task late = tasks.queued(tasks.pool(), tasks.task(1, 1, 0, Duration.ofMillis(5)));
        Task kept = tasks.queued(2, 1);
        tasks.clock().advance(Duration.ofMillis(5));

        assertThat(tasks.taken()).containsExactly(kept);
        assertThat(tasks.error(late)).isInstanceOf(DeadlineExceededException.class);
        assertThat(tasks.queuedRows()).isZero();
    }

    @Test
    void take_belowTheMinimum_waitsForMoreRowsOrTheLingerTime() {
        PoolQueue patient = ClockedTasks.newPool(LIMITS.withMinBatchSize(3, Duration.ofMillis(20)));
        Task first = tasks.queued(patient, tasks.task(1, 1));
        Task second = tasks.queued(patient, tasks.task(1, 1));

        assertThat(tasks.taken()).isEmpty();
        assertThat(tasks.waiting().nextIn()).hasValue(Duration.ofMillis(20).minusNanos(1));
        tasks.clock().advance(Duration.ofMillis(20));
        assertThat(tasks.taken()).containsExactly(first, second);
    }

    @Test
    void take_atTheMinimum_doesNotWait() {
        PoolQueue patient = ClockedTasks.newPool(LIMITS.withMinBatchSize(3, Duration.ofMillis(20)));
        tasks.queued(patient, tasks.task(1, 1));
        tasks.queued(patient, tasks.task(1, 2));

        assertThat(tasks.taken()).hasSize(2);
    }

    @Test
    void take_ofATaskWithLittleTime_lingersForHalfOfItOnly() {
        PoolQueue patient = ClockedTasks.newPool(LIMITS.withMinBatchSize(3, Duration.ofSeconds(20)));
        tasks.queued(patient, tasks.task(1, 1));
        Task hasty = tasks.queued(patient, tasks.task(1, 1, 0, Duration.ofMillis(10)));

        tasks.clock().advance(Duration.ofMillis(5));
        assertThat(tasks.taken()).hasSize(2).contains(hasty);
    }

    @Test
    void cancel_ofTheOldest_doesNotLetItsPoolJumpTheQueue() {
        PoolQueue other = ClockedTasks.newPool(LIMITS);
        Task cancelled = tasks.queued(1, 1);
        Task second = tasks.queued(other, tasks.task(1, 1));
        tasks.queued(1, 1);

        assertThat(tasks.waiting().cancel(tasks.pool(), cancelled)).isTrue();

        assertThat(tasks.waiting().cancel(tasks.pool(), cancelled)).isFalse();
        assertThat(tasks.taken()).containsExactly(second);
    }
}
