package dev.hivemind.moe.server.batching;

import static dev.hivemind.moe.server.batching.NegatingRuntime.MAX_BATCH;
import static dev.hivemind.moe.server.batching.NegatingRuntime.TIMEOUT;
import static dev.hivemind.moe.server.batching.NegatingRuntime.assertFails;
import static dev.hivemind.moe.server.batching.NegatingRuntime.await;
import static dev.hivemind.moe.server.batching.NegatingRuntime.rows;
import static dev.hivemind.moe.server.batching.NegatingRuntime.submit;
import static dev.hivemind.moe.server.batching.NegatingRuntime.submitWhenRoom;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.Deadline;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;

@SuppressWarnings("try") // a stall works by being open
class BatchingRuntimeTest {

    @RegisterExtension
    final NegatingRuntime devices = new NegatingRuntime();

    @Test
    void submit_emitsTheResult() {
        assertThat(await(submit(devices.pool(), 1f, 2f))).containsExactly(-1f, -2f);
    }

    @Test
    void submit_ofMoreRowsThanABatch_isRefused() {
        TaskPool pool = devices.pool();

        assertThatThrownBy(() ->
                        pool.submit(new Call(List.of(), MAX_BATCH + 1, Deadline.after(TIMEOUT), 0, Peers.peer(0))))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void submit_whileTheDeviceIsBusy_sharesTheNextBatch() {
        TaskPool pool = devices.pool();
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = List.of(submit(pool, 1f, 2f), submit(pool, 3f), submit(pool, 4f, 5f, 6f));
        }

        assertThat(await(results.get(0))).containsExactly(-1f, -2f);
        assertThat(await(results.get(1))).containsExactly(-3f);
        assertThat(await(results.get(2))).containsExactly(-4f, -5f, -6f);
        assertThat(devices.batches()).containsExactly(List.of(1f, 2f, 3f, 4f, 5f, 6f));
    }

    @Test
    void submit_ofManyTasks_neverExceedsTheBatchSizeAndKeepsRowsApart() {
        TaskPool pool = devices.pool();
        var random = new Random(3);
        List<float[]> inputs = IntStream.range(0, 60)
                .mapToObj(i -> rows(i, 1 + random.nextInt(MAX_BATCH)))
                .toList();
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = inputs.stream().map(rows -> submit(pool, rows)).toList();
        }

        for (int i = 0; i < inputs.size(); i++) {
            assertThat(await(results.get(i))).hasSize(inputs.get(i).length).containsOnly(-(float) i);
        }
        assertThat(devices.batches()).allSatisfy(batch -> assertThat(batch).hasSizeLessThanOrEqualTo(MAX_BATCH));
        assertThat(devices.batches()).hasSizeLessThan(inputs.size());
    }

    @Test
    void submit_toSeveralPools_servesTheOneThatWaitedLongest() {
        TaskPool first = devices.pool();
        TaskPool second = devices.pool();
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = List.of(submit(second, 1f), submit(first, 2f), submit(second, 3f));
        }
        results.forEach(NegatingRuntime::await);

        assertThat(devices.batches()).containsExactly(List.of(1f, 3f), List.of(2f));
    }

    @Test
    void submit_afterTheOldestWasCancelled_doesNotJumpTheQueue() {
        TaskPool first = devices.pool();
        TaskPool second = devices.pool();
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            CompletableFuture<List<Float>> cancelled = submit(first, 0f);
            results = List.of(submit(second, 1f), submit(first, 2f));
            cancelled.cancel(true);
        }
        results.forEach(NegatingRuntime::await);

        assertThat(devices.batches()).containsExactly(List.of(1f), List.of(2f));
    }

    @Test
    void submit_thenCancelledWhileWaiting_isNeverComputedAndFreesItsRows() {
        TaskPool pool = devices.pool();
        CompletableFuture<List<Float>> kept;
        try (var stall = devices.stall()) {
            CompletableFuture<List<Float>> cancelled = submit(pool, 1f, 2f);
            kept = submit(pool, 3f);
            cancelled.cancel(true);
            assertThat(pool.queuedRows()).isEqualTo(1);
        }
        await(kept);

        assertThat(devices.batches()).containsExactly(List.of(3f));
    }

    @Test
    void submit_thenCancelledWhileComputed_releasesTheResult() {
        CompletableFuture<List<Float>> result;
        try (var stall = devices.stall()) {
            result = stall.result();
            result.cancel(true);
        }

        assertThat(await(submit(devices.pool(), 1f))).containsExactly(-1f);
        assertThat(result).isCancelled();
    }

    @Test
    void submit_whoseDeadlinePassesWhileWaiting_isNeverComputed() {
        TaskPool pool = devices.pool();
        CompletableFuture<List<Float>> late;
        CompletableFuture<List<Float>> kept;
        try (var stall = devices.stall()) {
            Deadline deadline = Deadline.after(Duration.ofMillis(20));
            late = submit(pool, deadline, 1f);
            kept = submit(pool, 2f);
            while (!deadline.isPast()) {
                Thread.onSpinWait();
            }
        }

        assertFails(late, DeadlineExceededException.class);
        assertThat(await(kept)).containsExactly(-2f);
        assertThat(devices.batches()).containsExactly(List.of(2f));
    }

    @Test
    void submit_afterItsDeadline_failsAtOnce() {
        try (var stall = devices.stall()) {
            assertFails(submit(devices.pool(), Deadline.after(Duration.ZERO), 1f), DeadlineExceededException.class);
        }
    }

    @Test
    void submit_toAFullPool_isRefusedAtOnceWithATimeToRetry() {
        TaskPool pool = devices.pool(new BatchLimits(4, 6));
        CompletableFuture<List<Float>> waiting;
        try (var stall = devices.stall()) {
            waiting = submit(pool, 1f, 2f, 3f, 4f);
            CompletableFuture<List<Float>> refused = submit(pool, 5f, 6f, 7f);

            assertThat(refused).isCompletedExceptionally();
            assertThatThrownBy(refused::get)
                    .cause()
                    .isInstanceOfSatisfying(
                            OverloadedException.class,
                            error -> assertThat(error.retryAfter()).isPositive());
        }
        assertThat(await(waiting)).hasSize(4);
    }

    @Test
    void close_failsWhatWaitsAndRefusesWhatComes() {
        TaskPool pool = devices.pool();
        var atLast = new CompletableFuture<String>();
        CompletableFuture<List<Float>> waiting;
        Disposable closing;
        CompletableFuture<List<Float>> underWay;
        try (var stall = devices.stall()) {
            underWay = stall.result();
            waiting = submit(pool, 1f);
            closing = devices.runtime()
                    .close(() -> atLast.complete(Thread.currentThread().getName()))
                    .subscribe();
            assertFails(waiting, PeerUnavailableException.class);
        }

        assertThat(await(underWay)).containsExactly(0f);
        assertThat(atLast).succeedsWithin(TIMEOUT).isEqualTo("hivemind-device-test-0");
        assertFails(submit(pool, 2f), PeerUnavailableException.class);
        assertThat(devices.batches()).isEmpty();
        closing.dispose();
    }

    @Test
    void addPool_afterClose_refusesEverything() {
        devices.runtime().close(() -> {}).block(TIMEOUT);

        assertFails(submit(devices.pool(), 1f), PeerUnavailableException.class);
    }

    @Test
    void submit_fromManyThreadsOfWhichSomeCancel_answersAllOthers() {
        TaskPool pool = devices.pool(new BatchLimits(MAX_BATCH, 100_000));
        List<CompletableFuture<List<Float>>> results = IntStream.range(0, 2_000)
                .parallel()
                .mapToObj(i -> {
                    CompletableFuture<List<Float>> result = submit(pool, i, i);
                    if (i % 3 == 0) {
                        result.cancel(true);
                    }
                    return result;
                })
                .toList();

        for (int i = 0; i < results.size(); i++) {
            if (i % 3 != 0) {
                assertThat(await(results.get(i))).containsExactly((float) -i, (float) -i);
            }
        }
        assertThat(pool.queuedRows()).isZero();
    }

    @Test
    void submitWhenRoom_whileTheDeviceStands_stopsAtHalfOfTheRows() {
        TaskPool pool = devices.pool(new BatchLimits(MAX_BATCH, 64));
        List<CompletableFuture<List<Float>>> results;
        try (var stall = devices.stall()) {
            results = IntStream.rangeClosed(1, 200)
                    .mapToObj(i -> submitWhenRoom(pool, 1, i))
                    .toList();

            assertThat(pool.queuedRows()).isEqualTo(32);
        }

        for (int i = 0; i < results.size(); i++) {
            assertThat(await(results.get(i))).containsExactly(-1f - i);
        }
        assertThat(pool.queuedRows()).isZero();
    }

    @Test
    void submitWhenRoom_toAClosedRuntime_fails() {
        devices.close();

        assertFails(submitWhenRoom(devices.pool(), 1, 1f), PeerUnavailableException.class);
    }

    @Test
    void submitWhenRoom_thenCancelled_takesEverythingOut() {
        TaskPool pool = devices.pool(new BatchLimits(MAX_BATCH, 64));
        try (var stall = devices.stall()) {
            List<CompletableFuture<List<Float>>> results = IntStream.range(0, 100)
                    .mapToObj(i -> submitWhenRoom(pool, 1, i))
                    .toList();

            results.forEach(result -> result.cancel(true));

            assertThat(pool.queuedRows()).isZero();
        }
        await(submit(pool, 1f));
        assertThat(devices.batches()).containsExactly(List.of(1f));
    }

    @Test
    void submitWhenRoom_fromManyThreadsOfWhichSomeCancel_answersAllOthers() {
        TaskPool pool = devices.pool(new BatchLimits(MAX_BATCH, 48));
        List<CompletableFuture<List<Float>>> results = IntStream.range(0, 2_000)
                .parallel()
                .mapToObj(i -> {
                    CompletableFuture<List<Float>> result = submitWhenRoom(pool, i % 5, i, i);
                    if (i % 3 == 0) {
                        result.cancel(true);
                    }
                    return result;
                })
                .toList();

        for (int i = 0; i < results.size(); i++) {
            if (i % 3 != 0) {
                assertThat(await(results.get(i))).containsExactly((float) -i, (float) -i);
            }
        }
        assertThat(pool.queuedRows()).isZero();
    }
}
