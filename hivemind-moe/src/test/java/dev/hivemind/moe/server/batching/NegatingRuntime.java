package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.core.publisher.Mono;

/** A runtime with one device for one test. Its pools negate their rows, and it notes the batches. */
final class NegatingRuntime implements AfterEachCallback {

    static final Duration TIMEOUT = Duration.ofSeconds(20);

    /** Of calls that are not to be refused because a slow machine takes long for the first batch. */
    private static final Duration NEVER_LATE = Duration.ofMinutes(30);

    static final int MAX_BATCH = 16;
    static final BatchLimits LIMITS = new BatchLimits(MAX_BATCH, 1_000);

    private static final PeerId CALLER = Peers.peer(0);

    private final BatchingRuntime runtime = BatchingRuntime.create(
            new DeviceThreads("hivemind-device-test", 1, 1), BatchingRuntime.DEFAULT_MAX_QUEUED_BYTES);
    private final Queue<List<Float>> batches = new ConcurrentLinkedQueue<>();

    @Override
    public void afterEach(ExtensionContext context) {
        close();
    }

    void close() {
        runtime.close(() -> {}).block(TIMEOUT);
    }

    BatchingRuntime runtime() {
        return runtime;
    }

    /** The rows of each batch that was computed. */
    Queue<List<Float>> batches() {
        return batches;
    }

    TaskPool pool() {
        return pool(LIMITS);
    }

    TaskPool pool(BatchLimits limits) {
        return pool(limits, this::negate);
    }

    TaskPool pool(BatchFunction function) {
        return pool(LIMITS, function);
    }

    private TaskPool pool(BatchLimits limits, BatchFunction function) {
        return runtime.newGroup().addPool("test", limits, function);
    }

    Computation negate(NDList tensors) {
        batches.add(values(tensors.head()));
        return Computation.of(new NDList(tensors.head().neg()));
    }

    /** Negates all but the unlucky number. */
    Computation superstitious(NDList tensors) {
        if (values(tensors.head()).contains(13f)) {
            throw new IllegalStateException("superstitious");
        }
        return negate(tensors);
    }

    static List<Float> values(NDArray array) {
        List<Float> values = new ArrayList<>();
        for (float value : array.toFloatArray()) {
            values.add(value);
        }
        return values;
    }

    /** Submits a task whose rows are these numbers; the future has the numbers of the result. */
    static CompletableFuture<List<Float>> submit(TaskPool pool, float... rows) {
        return submit(pool, Deadline.after(NEVER_LATE), rows);
    }

    static CompletableFuture<List<Float>> submit(TaskPool pool, Deadline deadline, float... rows) {
        return call(pool::submit, CALLER, deadline, rows).toFuture();
    }

    /** The same, but the task waits for room. */
    static CompletableFuture<List<Float>> submitWhenRoom(TaskPool pool, int caller, float... rows) {
        return call(pool::submitWhenRoom, Peers.peer(caller), Deadline.after(NEVER_LATE), rows)
                .toFuture();
    }

    static Mono<List<Float>> call(
            Function<Call, Mono<List<TensorFrame>>> pool, PeerId caller, Deadline deadline, float... rows) {
        return Mono.using(
                        () -> List.of(frame(rows)),
                        tensors -> pool.apply(new Call(tensors, rows.length, deadline, 0, caller)),
                        tensors -> tensors.forEach(TensorFrame::release))
                .map(NegatingRuntime::consume);
    }

    static TensorFrame frame(float... values) {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(Math.max(1, 4 * values.length));
        for (float value : values) {
            data.writeFloatLE(value);
        }
        return new TensorFrame(TensorDescriptor.of(ElementType.FLOAT32, values.length), data);
    }

    static float[] rows(float value, int count) {
        float[] rows = new float[count];
        java.util.Arrays.fill(rows, value);
        return rows;
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

    static List<Float> await(CompletableFuture<List<Float>> result) {
        return result.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join();
    }

    static void assertFails(CompletableFuture<List<Float>> result, Class<? extends RpcException> type) {
        assertThat(result)
                .failsWithin(TIMEOUT)
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(type);
    }

    /** Keeps the device busy until it is closed. */
    Stall stall() {
        return new Stall();
    }

    final class Stall implements AutoCloseable {

        private final CountDownLatch entered = new CountDownLatch(1);
        private final CountDownLatch opened = new CountDownLatch(1);
        private final CompletableFuture<List<Float>> result;

        private Stall() {
            result = submit(
                    pool(tensors -> {
                        entered.countDown();
                        uninterrupted(opened);
                        return Computation.of(tensors);
                    }),
                    0f);
            uninterrupted(entered);
        }

        /** Of the task that the device is busy with. */
        CompletableFuture<List<Float>> result() {
            return result;
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
}
