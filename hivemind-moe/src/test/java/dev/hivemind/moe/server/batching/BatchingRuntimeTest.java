package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

@SuppressWarnings("try") // a stall works by being open
class BatchingRuntimeTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final int MAX_BATCH = 16;
    private static final PeerId CALLER = PeerId.fromBytes(new byte[PeerId.BYTES]);
    private static final BatchLimits LIMITS = new BatchLimits(MAX_BATCH, 1_000);

    private final BatchingRuntime runtime = BatchingRuntime.create(
            new DeviceThreads("hivemind-device-test", 1, 1), BatchingRuntime.DEFAULT_MAX_QUEUED_BYTES);
    private final Queue<List<Float>> batches = new ConcurrentLinkedQueue<>();

    @AfterEach
    void close() {
        runtime.close(() -> {}).block(TIMEOUT);
    }

    private TaskPool pool() {
        return runtime.newGroup().addPool("test", LIMITS, this::negate);
    }

    private Computation negate(NDList tensors) {
        batches.add(values(tensors.head()));
        return Computation.of(new NDList(tensors.head().neg()));
    }

    private static List<Float> values(NDArray array) {
        List<Float> values = new ArrayList<>();
        for (float value : array.toFloatArray()) {
            values.add(value);
        }
        return values;
    }

    /** Submits a task whose rows are these numbers; the future has the numbers of the result. */
    private static CompletableFuture<List<Float>> submit(TaskPool pool, Deadline deadline, float... rows) {
        return Mono.using(
                        () -> List.of(frame(rows)),
                        tensors -> pool.submit(new Call(tensors, rows.length, deadline, 0, CALLER)),
                        tensors -> tensors.forEach(TensorFrame::release))
                .map(BatchingRuntimeTest::consume)
                .toFuture();
    }

    private static CompletableFuture<List<Float>> submit(TaskPool pool, float... rows) {
        return submit(pool, Deadline.after(TIMEOUT), rows);
    }

    private static TensorFrame frame(float... values) {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(Math.max(1, 4 * values.length));
        for (float value : values) {
            data.writeFloatLE(value);
        }
        return new TensorFrame(TensorDescriptor.of(ElementType.FLOAT32, values.length), data);
    }

    private static List<Float> consume(List<TensorFrame> frames) {
        ByteBuf data = frames.get(0).data();
        List<Float> values = new ArrayList<>();
        while (data.isReadable()) {
            values.add(data.readFloatLE());
        }
        frames.forEach(TensorFrame::release);
        return values;
    }

    private static List<Float> await(CompletableFuture<List<Float>> result) {
        return result.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join();
    }

    private static void assertFails(CompletableFuture<List<Float>> result, Class<? extends RpcException> type) {
        assertThat(result)
                .failsWithin(TIMEOUT)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(type);
    }

    /** Keeps the device busy until opened. */
    private final class Stall implements AutoCloseable {

        private final CountDownLatch entered = new CountDownLatch(1);
        private final CountDownLatch opened = new CountDownLatch(1);
        private final CompletableFuture<List<Float>> result;

        Stall() {
            TaskPool pool = runtime.newGroup().addPool("stall", LIMITS, tensors -> {
                entered.countDown();
                uninterrupted(opened);
                return Computation.of(tensors);
            });
            result = submit(pool, 0f);
            uninterrupted(entered);
        }

        @Override
        public void close() {
            opened.countDown();
        }
    }

    private static void uninterrupted(CountDownLatch latch) {
        try {
            assertThat(latch.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void submit_emitsTheResult() {
        assertThat(await(submit(pool(), 1f, 2f))).containsExactly(-1f, -2f);
    }

    @Test
    void submit_ofMoreRowsThanABatch_isRefused() {
        TaskPool pool = pool();

        assertThatThrownBy(() -> pool.submit(new Call(List.of(), MAX_BATCH + 1, Deadline.after(TIMEOUT), 0, CALLER)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void submit_whileTheDeviceIsBusy_sharesTheNextBatch() {
        TaskPool pool = pool();
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = List.of(submit(pool, 1f, 2f), submit(pool, 3f), submit(pool, 4f, 5f, 6f));
        }

        assertThat(await(results.get(0))).containsExactly(-1f, -2f);
        assertThat(await(results.get(1))).containsExactly(-3f);
        assertThat(await(results.get(2))).containsExactly(-4f, -5f, -6f);
        assertThat(batches).containsExactly(List.of(1f, 2f, 3f, 4f, 5f, 6f));
    }

    @Test
    void submit_ofManyTasks_neverExceedsTheBatchSizeAndKeepsRowsApart() {
        TaskPool pool = pool();
        var random = new Random(3);
        List<float[]> inputs = IntStream.range(0, 60)
                .mapToObj(i -> rows(i, 1 + random.nextInt(MAX_BATCH)))
                .toList();
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = inputs.stream().map(rows -> submit(pool, rows)).toList();
        }

        for (int i = 0; i < inputs.size(); i++) {
            assertThat(await(results.get(i))).hasSize(inputs.get(i).length).containsOnly(-(float) i);
        }
        assertThat(batches).allSatisfy(batch -> assertThat(batch).hasSizeLessThanOrEqualTo(MAX_BATCH));
        assertThat(batches).hasSizeLessThan(inputs.size());
    }

    private static float[] rows(float value, int count) {
        float[] rows = new float[count];
        java.util.Arrays.fill(rows, value);
        return rows;
    }

    @Test
    void submit_toSeveralPools_servesTheOneThatWaitedLongest() {
        TaskPool first = pool();
        TaskPool second = pool();
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = List.of(submit(second, 1f), submit(first, 2f), submit(second, 3f));
        }
        results.forEach(BatchingRuntimeTest::await);

        assertThat(batches).containsExactly(List.of(1f, 3f), List.of(2f));
    }

    @Test
    void submit_afterTheOldestWasCancelled_doesNotJumpTheQueue() {
        TaskPool first = pool();
        TaskPool second = pool();
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            CompletableFuture<List<Float>> cancelled = submit(first, 0f);
            results = List.of(submit(second, 1f), submit(first, 2f));
            cancelled.cancel(true);
        }
        results.forEach(BatchingRuntimeTest::await);

        assertThat(batches).containsExactly(List.of(1f), List.of(2f));
    }

    @Test
    void submit_thenCancelledWhileWaiting_isNeverComputedAndFreesItsRows() {
        TaskPool pool = pool();
        CompletableFuture<List<Float>> kept;
        try (var stall = new Stall()) {
            CompletableFuture<List<Float>> cancelled = submit(pool, 1f, 2f);
            kept = submit(pool, 3f);
            cancelled.cancel(true);
            assertThat(pool.queuedRows()).isEqualTo(1);
        }
        await(kept);

        assertThat(batches).containsExactly(List.of(3f));
    }

    @Test
    void submit_thenCancelledWhileComputed_releasesTheResult() {
        CompletableFuture<List<Float>> result;
        try (var stall = new Stall()) {
            result = stall.result;
            result.cancel(true);
        }

        assertThat(await(submit(pool(), 1f))).containsExactly(-1f);
        assertThat(result).isCancelled();
    }

    @Test
    void submit_whoseDeadlinePassesWhileWaiting_isNeverComputed() {
        TaskPool pool = pool();
        CompletableFuture<List<Float>> late;
        CompletableFuture<List<Float>> kept;
        try (var stall = new Stall()) {
            Deadline deadline = Deadline.after(Duration.ofMillis(20));
            late = submit(pool, deadline, 1f);
            kept = submit(pool, 2f);
            while (!deadline.isPast()) {
                Thread.onSpinWait();
            }
        }

        assertFails(late, DeadlineExceededException.class);
        assertThat(await(kept)).containsExactly(-2f);
        assertThat(batches).containsExactly(List.of(2f));
    }

    @Test
    void submit_afterItsDeadline_failsAtOnce() {
        try (var stall = new Stall()) {
            assertFails(submit(pool(), Deadline.after(Duration.ZERO), 1f), DeadlineExceededException.class);
        }
    }

    @Test
    void submit_toAFullPool_isRefusedAtOnceWithATimeToRetry() {
        TaskPool pool = runtime.newGroup().addPool("small", new BatchLimits(4, 6), this::negate);
        CompletableFuture<List<Float>> waiting;
        try (var stall = new Stall()) {
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
    void submit_ofAPoisonousTask_failsThatTaskAlone() {
        TaskPool pool = runtime.newGroup().addPool("fragile", LIMITS, this::superstitious);
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = List.of(submit(pool, 1f), submit(pool, 2f, 13f), submit(pool, 3f));
        }

        assertThat(await(results.get(0))).containsExactly(-1f);
        assertFails(results.get(1), ExpertFailedException.class);
        assertThat(await(results.get(2))).containsExactly(-3f);
    }

    @Test
    void submit_whoseComputationThrowsAnError_leavesTheRuntimeAlive() {
        TaskPool broken = runtime.newGroup().addPool("broken", LIMITS, tensors -> {
            throw new StackOverflowError("expected by the test");
        });

        assertFails(submit(broken, 1f), ExpertFailedException.class);

        assertThat(await(submit(pool(), 2f))).containsExactly(-2f);
    }

    @Test
    void submit_whoseComputationThrowsAnRpcException_keepsIt() {
        TaskPool picky = runtime.newGroup().addPool("picky", LIMITS, tensors -> {
            throw new ExpertFailedException("not finite");
        });

        assertThat(submit(picky, 1f))
                .failsWithin(TIMEOUT)
                .withThrowableOfType(ExecutionException.class)
                .havingCause()
                .withMessage("not finite");
    }

    @Test
    void submit_whoseResultHasTooFewRows_isNotComputedAgain() {
        TaskPool lossy = runtime.newGroup().addPool("lossy", LIMITS, tensors -> {
            negate(tensors);
            return Computation.of(new NDList(tensors.head().get("0:1")));
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = List.of(submit(lossy, 1f), submit(lossy, 2f));
        }

        results.forEach(result -> assertFails(result, ExpertFailedException.class));
        assertThat(batches).hasSize(1);
    }

    @Test
    void submit_ofABooleanThatIsNeither_failsThatTaskAlone() {
        TaskPool pool = runtime.newGroup().addPool("booleans", LIMITS, Computation::of);
        CompletableFuture<List<TensorFrame>> good;
        CompletableFuture<List<TensorFrame>> bad;
        try (var stall = new Stall()) {
            good = submitBoolean(pool, 1);
            bad = submitBoolean(pool, 2);
        }

        good.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join().forEach(TensorFrame::release);
        assertThat(bad)
                .failsWithin(TIMEOUT)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(ProtocolViolationException.class);
    }

    private static CompletableFuture<List<TensorFrame>> submitBoolean(TaskPool pool, int value) {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(1).writeByte(value);
        return Mono.using(
                        () -> new TensorFrame(TensorDescriptor.of(ElementType.BOOL, 1), data),
                        tensor -> pool.submit(new Call(List.of(tensor), 1, Deadline.after(TIMEOUT), 0, CALLER)),
                        TensorFrame::release)
                .toFuture();
    }

    @Test
    void close_failsWhatWaitsAndRefusesWhatComes() {
        TaskPool pool = pool();
        var atLast = new CompletableFuture<String>();
        CompletableFuture<List<Float>> waiting;
        Disposable closing;
        CompletableFuture<List<Float>> underWay;
        try (var stall = new Stall()) {
            underWay = stall.result;
            waiting = submit(pool, 1f);
            closing = runtime.close(() -> atLast.complete(Thread.currentThread().getName()))
                    .subscribe();
            assertFails(waiting, PeerUnavailableException.class);
        }

        assertThat(await(underWay)).containsExactly(0f);
        assertThat(atLast).succeedsWithin(TIMEOUT).isEqualTo("hivemind-device-test-0");
        assertFails(submit(pool, 2f), PeerUnavailableException.class);
        assertThat(batches).isEmpty();
        closing.dispose();
    }

    @Test
    void addPool_afterClose_refusesEverything() {
        runtime.close(() -> {}).block(TIMEOUT);

        assertFails(submit(pool(), 1f), PeerUnavailableException.class);
    }

    @Test
    void submit_fromManyThreadsOfWhichSomeCancel_answersAllOthers() {
        TaskPool pool = runtime.newGroup().addPool("busy", new BatchLimits(MAX_BATCH, 100_000), this::negate);
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

    /** Calls of one row each, of which it counts how many were asked for. */
    private static Flux<Call> calls(int count, AtomicInteger emitted) {
        return Flux.range(1, count).map(i -> {
            emitted.incrementAndGet();
            return new Call(List.of(frame(i)), 1, Deadline.after(TIMEOUT), 0, CALLER);
        });
    }

    @Test
    void submitAll_whileTheDeviceStands_stopsAtHalfOfTheRowsAndOneCall() {
        TaskPool pool = runtime.newGroup().addPool("bounded", new BatchLimits(MAX_BATCH, 64), this::negate);
        var emitted = new AtomicInteger();
        CompletableFuture<List<List<Float>>> results;
        try (var stall = new Stall()) {
            results = pool.submitAll(
                            calls(1_000, emitted), 256, (call, result) -> result.map(BatchingRuntimeTest::consume))
                    .collectList()
                    .toFuture();

            assertThat(pool.queuedRows()).isEqualTo(32);
            assertThat(emitted).hasValue(33);
        }

        assertThat(results.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join())
                .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(1, 1_000)
                        .mapToObj(i -> List.of((float) -i))
                        .toList());
        assertThat(pool.queuedRows()).isZero();
    }

    @Test
    void submitAll_whoseResultsNobodyReads_stopsAtTheCallsInFlight() {
        TaskPool pool = runtime.newGroup().addPool("unread", new BatchLimits(MAX_BATCH, 64), this::negate);
        var emitted = new AtomicInteger();
        Flux<List<Float>> results =
                pool.submitAll(calls(1_000, emitted), 5, (call, result) -> result.map(BatchingRuntimeTest::consume));

        StepVerifier.create(results, 1)
                .expectNextCount(1)
                .then(() -> await(submit(pool(), 1f)))
                .then(() -> assertThat(emitted.get()).isBetween(5, 8))
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void submitAll_withACallThatFails_answersTheOthers() {
        TaskPool pool = runtime.newGroup().addPool("fragile", LIMITS, this::superstitious);
        var emitted = new AtomicInteger();

        List<List<Float>> results = pool.submitAll(
                        calls(20, emitted),
                        4,
                        (call, result) -> result.map(BatchingRuntimeTest::consume)
                                .onErrorReturn(ExpertFailedException.class, List.of()))
                .collectList()
                .block(TIMEOUT);

        assertThat(results).hasSize(20).containsOnlyOnce(List.of()).doesNotContain(List.of(-13f));
    }

    private Computation superstitious(NDList tensors) {
        if (values(tensors.head()).contains(13f)) {
            throw new IllegalStateException("superstitious");
        }
        return negate(tensors);
    }

    @Test
    void submitAll_thenCancelled_takesEverythingOut() {
        TaskPool pool = runtime.newGroup().addPool("left", new BatchLimits(MAX_BATCH, 64), this::negate);
        var emitted = new AtomicInteger();
        try (var stall = new Stall()) {
            Disposable stream = pool.submitAll(
                            calls(1_000, emitted), 256, (call, result) -> result.map(BatchingRuntimeTest::consume))
                    .subscribe();
            assertThat(pool.queuedRows()).isPositive();

            stream.dispose();

            assertThat(pool.queuedRows()).isZero();
        }
        await(submit(pool(), 1f));
        assertThat(batches).containsExactly(List.of(1f));
    }

    @Test
    void submitAll_toAClosedRuntime_failsEachCall() {
        runtime.close(() -> {}).block(TIMEOUT);

        List<Boolean> answered = pool().submitAll(
                        calls(10, new AtomicInteger()),
                        2,
                        (call, result) -> result.map(BatchingRuntimeTest::consume)
                                .map(values -> true)
                                .onErrorReturn(PeerUnavailableException.class, false))
                .collectList()
                .block(TIMEOUT);

        assertThat(answered).hasSize(10).containsOnly(false);
    }

    @Test
    void submit_withPoisonousRowsNamed_computesTheOthersAsOneBatch() {
        List<List<Float>> committed = new ArrayList<>();
        TaskPool pool = runtime.newGroup().addPool("poison", LIMITS, tensors -> {
            List<Float> rows = values(tensors.head());
            var poisonous = new BitSet();
            IntStream.range(0, rows.size()).filter(i -> rows.get(i).isNaN()).forEach(poisonous::set);
            if (!poisonous.isEmpty()) {
                throw new PoisonousRowsException("poison", poisonous, false);
            }
            return new Computation(new NDList(tensors.head().neg()), () -> committed.add(rows), Duration.ZERO);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = List.of(submit(pool, 1f, 2f), submit(pool, 3f, Float.NaN), submit(pool, 4f));
        }

        assertThat(await(results.get(0))).containsExactly(-1f, -2f);
        assertFails(results.get(1), ExpertFailedException.class);
        assertThat(await(results.get(2))).containsExactly(-4f);
        assertThat(committed).containsExactly(List.of(1f, 2f, 4f));
    }

    @Test
    void submit_withPoisonousTasksThatNobodyNames_computesTheOthersAsOneBatch() {
        List<List<Float>> committed = new ArrayList<>();
        TaskPool pool = runtime.newGroup().addPool("nameless", LIMITS, tensors -> {
            List<Float> rows = values(tensors.head());
            if (rows.contains(13f)) {
                throw new IllegalStateException("superstitious");
            }
            return new Computation(new NDList(tensors.head().neg()), () -> committed.add(rows), Duration.ZERO);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = Stream.of(1f, 2f, 13f, 4f, 5f, 13f, 7f)
                    .map(row -> submit(pool, row))
                    .toList();
        }

        assertFails(results.get(2), ExpertFailedException.class);
        assertFails(results.get(5), ExpertFailedException.class);
        List.of(0, 1, 3, 4, 6).forEach(i -> assertThat(await(results.get(i))).hasSize(1));
        assertThat(committed).containsExactly(List.of(1f, 2f, 4f, 5f, 7f));
    }

    @Test
    void submit_whoseHalvesCanBeComputedButNotTheWhole_failsAtOnce() {
        TaskPool pool = runtime.newGroup().addPool("odd", LIMITS, tensors -> {
            if (values(tensors.head()).size() > 1) {
                throw new IllegalStateException("expected by the test");
            }
            return negate(tensors);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = List.of(submit(pool, 1f), submit(pool, 2f));
        }

        results.forEach(result -> assertFails(result, ExpertFailedException.class));
        assertThat(await(submit(pool, 3f))).containsExactly(-3f);
    }

    @Test
    void submit_whoseCommitFails_isNotTriedAgain() {
        var commits = new AtomicInteger();
        TaskPool pool = runtime.newGroup()
                .addPool(
                        "commit",
                        LIMITS,
                        tensors -> new Computation(
                                tensors,
                                () -> {
                                    commits.incrementAndGet();
                                    throw new IllegalStateException("expected by the test");
                                },
                                Duration.ZERO));
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = List.of(submit(pool, 1f), submit(pool, 2f));
        }

        results.forEach(result -> assertFails(result, ExpertFailedException.class));
        assertThat(commits).hasValue(1);
    }

    @Test
    void submit_ofNothingButCertainPoison_isComputedOnce() {
        var computed = new AtomicInteger();
        TaskPool pool = runtime.newGroup().addPool("certain", LIMITS, tensors -> {
            computed.incrementAndGet();
            var all = new BitSet();
            all.set(0, (int) tensors.head().getShape().get(0));
            throw new PoisonousRowsException("poison", all, true);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = Stream.of(1f, 2f, 3f).map(row -> submit(pool, row)).toList();
        }

        results.forEach(result -> assertFails(result, ExpertFailedException.class));
        assertThat(computed).hasValue(1);
    }

    @Test
    void submit_whereOneRowSpoilsAll_failsItAlone() {
        TaskPool pool = runtime.newGroup().addPool("spoiled", LIMITS, tensors -> {
            if (values(tensors.head()).contains(13f)) {
                var all = new BitSet();
                all.set(0, (int) tensors.head().getShape().get(0));
                throw new PoisonousRowsException("spoiled", all, false);
            }
            return negate(tensors);
        });
        List<CompletableFuture<List<Float>>> results;
        try (var stall = new Stall()) {
            results = Stream.of(1f, 13f, 3f).map(row -> submit(pool, row)).toList();
        }

        assertThat(await(results.get(0))).containsExactly(-1f);
        assertFails(results.get(1), ExpertFailedException.class);
        assertThat(await(results.get(2))).containsExactly(-3f);
    }

    @Test
    void submitAll_withACallOfMoreRowsThanABatch_failsItAlone() {
        Flux<Call> calls = Flux.just(1, MAX_BATCH + 1, 2)
                .map(rows -> new Call(List.of(frame(rows(1f, rows))), rows, Deadline.after(TIMEOUT), 0, CALLER));

        List<Integer> answered = pool().submitAll(
                        calls,
                        1,
                        (call, result) -> result.map(BatchingRuntimeTest::consume)
                                .map(List::size)
                                .onErrorReturn(SchemaMismatchException.class, -1))
                .collectList()
                .block(TIMEOUT);

        assertThat(answered).containsExactly(1, -1, 2);
    }

    @Test
    void submitAll_ofManyStreamsThatAreCancelledAnywhere_losesNothing() {
        TaskPool pool = runtime.newGroup().addPool("restless", new BatchLimits(MAX_BATCH, 48), this::negate);

        List<Long> answered = Flux.range(0, 200)
                .flatMap(
                        stream -> pool.submitAll(
                                        calls(40, new AtomicInteger()).subscribeOn(Schedulers.parallel()),
                                        1 + stream % 7,
                                        (call, result) -> result.map(BatchingRuntimeTest::consume))
                                .take(stream % 41)
                                .count(),
                        16)
                .collectList()
                .block(TIMEOUT);

        assertThat(answered).hasSize(200);
        assertThat(answered.stream().mapToLong(Long::longValue).sum())
                .isEqualTo(IntStream.range(0, 200)
                        .map(stream -> Math.min(40, stream % 41))
                        .sum());
        assertThat(await(submit(pool, 1f))).containsExactly(-1f);
        // A stream that has just found room when it is cancelled gives it back on its own thread.
        Mono.fromSupplier(pool::queuedRows)
                .repeat()
                .takeUntil(rows -> rows == 0)
                .blockLast(TIMEOUT);
    }
}
