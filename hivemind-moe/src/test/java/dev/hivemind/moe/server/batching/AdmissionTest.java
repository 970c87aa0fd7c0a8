package dev.hivemind.moe.server.batching;

import static dev.hivemind.moe.server.batching.ClockedTasks.LIMITS;
import static dev.hivemind.moe.server.batching.ClockedTasks.MAX_BATCH;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Who gets in at once, and who is refused. */
class AdmissionTest {

    private final ClockedTasks tasks = new ClockedTasks();

    @Test
    void enter_ofOneCallerAlone_stopsAtHalfOfTheRows() {
        int accepted = 0;
        while (tasks.refusal(tasks.task(1, 1)) == null) {
            accepted++;
        }

        assertThat(accepted).isEqualTo(32);
        assertThat(tasks.queuedRows()).isEqualTo(32);
        assertThat(tasks.refusal(tasks.task(2, MAX_BATCH))).isNull();
        assertThat(tasks.refusal(tasks.task(3, MAX_BATCH))).isNull();
    }

    @Test
    void enter_toAFullPool_isRefusedWithATimeToRetry() {
        for (int caller = 0; caller < 4; caller++) {
            assertThat(tasks.refusal(tasks.task(caller, MAX_BATCH))).isNull();
        }

        assertThat(tasks.refusal(tasks.task(9, 1)))
                .isInstanceOfSatisfying(
                        OverloadedException.class,
                        refusal -> assertThat(refusal.retryAfter()).isPositive())
                .hasMessage("64 rows wait for 'test' already, 0 of them yours");
    }

    @Test
    void enter_ofManyBytes_stopsAtHalfOfThemForOneCaller() {
        var tasks = new ClockedTasks(1_000);
        PoolQueue other = ClockedTasks.newPool(LIMITS);

        assertThat(tasks.refusal(tasks.ofBytes(1, 300))).isNull();
        assertThat(tasks.waiting().enter(other, tasks.ofBytes(1, 200))).isNull();
        assertThat(tasks.waiting().enter(other, tasks.ofBytes(1, 1))).isInstanceOf(OverloadedException.class);
        assertThat(tasks.waiting().enter(other, tasks.ofBytes(2, 500))).isNull();
        assertThat(tasks.refusal(tasks.ofBytes(3, 1))).isInstanceOf(OverloadedException.class);
    }

    @Test
    void enter_ofMoreBytesThanTheLimit_isPossibleWhenNothingWaits() {
        var tasks = new ClockedTasks(1_000);

        assertThat(tasks.refusal(tasks.ofBytes(1, 2_000))).isNull();
        assertThat(tasks.refusal(tasks.ofBytes(2, 1))).isInstanceOf(OverloadedException.class);
    }

    @Test
    void enter_afterTheDeadline_isRefused() {
        assertThat(tasks.refusal(tasks.task(1, 1, 0, Duration.ZERO))).isInstanceOf(DeadlineExceededException.class);
    }

    @Test
    void enter_ofATaskThatCannotMeetItsDeadline_isRefusedWithATimeToRetry() {
        observe(Duration.ofMillis(100));
        tasks.queued(1, MAX_BATCH);
        tasks.waiting().take().orElseThrow();
        tasks.queued(1, MAX_BATCH);

        // 100 ms for the batch under way, 100 ms for the one that waits, 100 ms for its own.
        assertThat(tasks.refusal(tasks.task(1, MAX_BATCH, 0, Duration.ofMillis(290))))
                .isInstanceOfSatisfying(
                        OverloadedException.class,
                        refusal -> assertThat(refusal.retryAfter())
                                .isBetween(Duration.ofMillis(295), Duration.ofMillis(300)));
        assertThat(tasks.refusal(tasks.task(1, MAX_BATCH, 0, Duration.ofMillis(310))))
                .isNull();
    }

    @Test
    void enter_ofAModestCaller_isNotRefusedForTheQueueOfAnother() {
        observe(Duration.ofMillis(100));
        tasks.queued(1, MAX_BATCH);
        tasks.queued(1, MAX_BATCH);

        assertThat(tasks.refusal(tasks.task(1, MAX_BATCH, 0, Duration.ofMillis(210))))
                .isNotNull();
        assertThat(tasks.refusal(tasks.task(2, 1, 0, Duration.ofMillis(210)))).isNull();
    }

    @Test
    void enter_toAPoolInWhichNothingHappens_isNotRefusedForAnOldEstimate() {
        observe(Duration.ofSeconds(100));

        assertThat(tasks.refusal(tasks.task(1, 1, 0, Duration.ofMillis(10)))).isNull();
    }

    @Test
    void enter_behindOlderPools_countsTheirBatches() {
        PoolQueue other = ClockedTasks.newPool(LIMITS);
        observe(Duration.ofMillis(100));
        tasks.queued(1, MAX_BATCH);
        // An estimate of its own makes the other pool estimate at all.
        other.computeTime().record(1, 1);
        tasks.clock().advance(Duration.ofNanos(1));

        assertThat(tasks.waiting().enter(other, tasks.task(2, 1, 0, Duration.ofMillis(90))))
                .isInstanceOf(OverloadedException.class);
        assertThat(tasks.waiting().enter(other, tasks.task(2, 1, 1, Duration.ofMillis(90))))
                .isNull();
    }

    /** Lets the pool learn how long its batches take. */
    private void observe(Duration time) {
        tasks.queued(1, MAX_BATCH);
        tasks.computed(time);
    }
}
