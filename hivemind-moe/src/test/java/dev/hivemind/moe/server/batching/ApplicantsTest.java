package dev.hivemind.moe.server.batching;

import static dev.hivemind.moe.server.batching.ClockedTasks.LIMITS;
import static dev.hivemind.moe.server.batching.ClockedTasks.LONG;
import static dev.hivemind.moe.server.batching.ClockedTasks.MAX_BATCH;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tasks that wait for room. The pool holds 64 rows, of which one caller alone gets 32. */
class ApplicantsTest {

    private final ClockedTasks tasks = new ClockedTasks();

    /** The pool has all that this caller may have in it. */
    private void fill(int caller) {
        tasks.queued(caller, MAX_BATCH);
        tasks.queued(caller, MAX_BATCH);
    }

    @Test
    void enterWhenRoom_whileThereIsRoom_isQueuedAtOnce() {
        Task task = tasks.applied(1, 3);

        assertThat(tasks.queuedRows()).isEqualTo(3);
        assertThat(tasks.taken()).containsExactly(task);
    }

    @Test
    void enterWhenRoom_beyondTheShareOfItsCaller_waitsForTheCallersOwnTasksToGo() {
        fill(1);
        Task first = tasks.applied(1, MAX_BATCH);
        Task second = tasks.applied(1, MAX_BATCH);
        assertThat(tasks.queuedRows()).isEqualTo(32);

        tasks.computed(Duration.ZERO);
        tasks.computed(Duration.ZERO);

        assertThat(tasks.computed(Duration.ZERO)).containsExactly(first);
        assertThat(tasks.computed(Duration.ZERO)).containsExactly(second);
        assertThat(tasks.queuedRows()).isZero();
    }

    @Test
    void enterWhenRoom_ofSeveralCallers_takesTurns() {
        fill(1);
        tasks.queued(2, MAX_BATCH);
        List<Task> ofFirst = List.of(tasks.applied(1, MAX_BATCH), tasks.applied(1, MAX_BATCH));
        List<Task> ofSecond = List.of(tasks.applied(2, MAX_BATCH), tasks.applied(2, MAX_BATCH));

        List<Task> order = new ArrayList<>();
        while (!tasks.waiting().isEmpty()) {
            order.addAll(tasks.computed(Duration.ZERO));
        }

        assertThat(order.subList(3, 7))
                .containsExactly(ofSecond.get(0), ofFirst.get(0), ofSecond.get(1), ofFirst.get(1));
    }

    @Test
    void enterWhenRoom_ofACallerWithNothing_isOvertakenByNobody() {
        List.of(1, 2, 3, 4).forEach(caller -> tasks.queued(caller, 13));
        Task large = tasks.applied(5, MAX_BATCH);
        Task small = tasks.applied(6, 1);

        assertThat(tasks.refusal(tasks.task(7, 1))).isInstanceOf(OverloadedException.class);
        assertThat(tasks.queuedRows()).isEqualTo(4 * 13);
        tasks.taken();

        assertThat(tasks.queuedRows()).isEqualTo(3 * 13 + MAX_BATCH + 1);
        assertThat(tasks.waiting().cancel(tasks.pool(), large)).isTrue();
        assertThat(tasks.waiting().cancel(tasks.pool(), small)).isTrue();
    }

    @Test
    void enterWhenRoom_beyondTheShareOfItsCaller_doesNotKeepOthersOut() {
        fill(1);
        tasks.applied(1, MAX_BATCH);

        Task other = tasks.applied(2, MAX_BATCH);

        assertThat(tasks.queuedRows()).isEqualTo(3 * MAX_BATCH);
        assertThat(tasks.waiting().cancel(tasks.pool(), other)).isTrue();
    }

    @Test
    void enterWhenRoom_forBytesOfAnotherPool_isQueuedWhenTheyAreFree() {
        var narrow = new ClockedTasks(1_000);
        PoolQueue other = ClockedTasks.newPool(LIMITS);
        narrow.queued(narrow.pool(), narrow.ofBytes(1, 900));
        Task waiting = narrow.applied(other, narrow.ofBytes(2, 200));
        assertThat(narrow.waiting().queuedRows(other)).isZero();

        narrow.taken();

        assertThat(narrow.taken()).containsExactly(waiting);
    }

    @Test
    void enterWhenRoom_whoseDeadlineHasPassed_failsWhenItsTurnComes() {
        fill(1);
        Task late = tasks.applied(tasks.pool(), tasks.task(1, 1, 0, Duration.ofMillis(5)));
        tasks.clock().advance(Duration.ofMillis(5));

        tasks.taken();

        assertThat(tasks.error(late)).isInstanceOf(DeadlineExceededException.class);
        assertThat(tasks.queuedRows()).isEqualTo(MAX_BATCH);
    }

    @Test
    void enterWhenRoom_ofATaskThatCannotMeetItsDeadline_isRefusedAtOnce() {
        tasks.queued(1, MAX_BATCH);
        tasks.computed(Duration.ofMillis(100));
        fill(1);

        Task hopeless = tasks.applied(tasks.pool(), tasks.task(1, MAX_BATCH, 0, Duration.ofMillis(150)));

        assertThat(tasks.error(hopeless)).isInstanceOf(OverloadedException.class);
    }

    @Test
    void close_failsThoseThatWaitForRoom() {
        fill(1);
        Task waiting = tasks.applied(1, MAX_BATCH);

        tasks.waiting().close();

        assertThat(tasks.error(waiting)).isInstanceOf(PeerUnavailableException.class);
        assertThat(tasks.queuedRows()).isZero();
    }

    @Test
    void cancel_ofATaskThatWaitsForRoom_leavesNothingBehind() {
        fill(1);
        Task waiting = tasks.applied(1, MAX_BATCH);

        assertThat(tasks.waiting().cancel(tasks.pool(), waiting)).isTrue();

        assertThat(tasks.waiting().cancel(tasks.pool(), waiting)).isFalse();
        tasks.taken();
        assertThat(tasks.queuedRows()).isEqualTo(MAX_BATCH);
    }

    @Test
    void cancel_ofAQueuedTask_letsAnotherIn() {
        fill(1);
        Task another = tasks.queued(2, MAX_BATCH);
        Task waiting = tasks.applied(2, MAX_BATCH);
        assertThat(tasks.queuedRows()).isEqualTo(3 * MAX_BATCH);

        tasks.waiting().cancel(tasks.pool(), another);

        assertThat(tasks.queuedRows()).isEqualTo(3 * MAX_BATCH);
        assertThat(tasks.waiting().cancel(tasks.pool(), waiting)).isTrue();
    }

    /** Whatever happens, bounds hold, nobody waits in vain, and everybody gets in in the end. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void enterWhenRoom_ofRandomTasks_servesAll(long seed) {
        var random = new Random(seed);
        List<Task> open = new ArrayList<>();
        int served = 0;
        for (int step = 0; step < 3_000; step++) {
            if (random.nextInt(3) > 0) {
                open.add(tasks.applied(
                        tasks.pool(), tasks.task(random.nextInt(7), 1 + random.nextInt(MAX_BATCH), 0, LONG)));
            } else if (random.nextInt(4) == 0 && !open.isEmpty()) {
                assertThat(tasks.waiting().cancel(tasks.pool(), open.remove(random.nextInt(open.size()))))
                        .isTrue();
            } else if (!tasks.waiting().isEmpty()) {
                List<Task> batch = tasks.computed(Duration.ZERO);
                served += batch.size();
                assertThat(open).containsAll(batch);
                open.removeAll(batch);
            }
            assertThat(tasks.queuedRows()).isLessThanOrEqualTo(64);
            assertThat(tasks.waiting().isEmpty()).isEqualTo(open.isEmpty());
        }
        while (!open.isEmpty()) {
            open.removeAll(tasks.computed(Duration.ZERO));
        }

        assertThat(served).isGreaterThan(500);
        assertThat(tasks.queuedRows()).isZero();
        assertThat(IntStream.range(0, 7)
                        .mapToLong(caller -> tasks.pool().queuedRows().usedBy(Peers.peer(caller))))
                .containsOnly(0L);
    }
}
