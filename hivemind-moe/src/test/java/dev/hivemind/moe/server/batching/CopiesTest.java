package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import com.sun.management.ThreadMXBean;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.testkit.TrackedBuffers;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;

/**
 * A batch is copied twice: from what the network received into the batch's array, and from the result's array into what
 * the network sends. Any other copy would need memory, and all memory is counted here: buffers, arrays and Java's heap.
 */
class CopiesTest {

    private static final int TASKS = 3;
    private static final int ROWS = 512;
    private static final int WIDTH = 1_024;
    private static final int TASK_BYTES = ROWS * WIDTH * Float.BYTES;

    private static final ThreadMXBean THREADS = ManagementFactory.getPlatformMXBean(ThreadMXBean.class);

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final List<ReadOnceBuffer> received = new ArrayList<>();
    private Outcome outcome;

    /** What had been allocated by the time the batch's array was there. */
    private int buffersBefore;

    private int arraysBefore;

    /** The same after the result had been cut into replies. */
    private int arraysAfter;

    private Batch batch() {
        var group = new PoolGroup(queue -> {
            throw new AssertionError("The test makes its pools itself");
        });
        var pool =
                new PoolQueue("test", group, BatchLimits.ofBatchSize(TASKS * ROWS), this::increment, PoolListener.NONE);
        List<Task> tasks = new ArrayList<>();
        for (int i = 0; i < TASKS; i++) {
            tasks.add(task(i));
        }
        return new Batch(pool, tasks);
    }

    private Task task(int number) {
        var buffer = new ReadOnceBuffer(TASK_BYTES);
        buffer.setFloatLE(0, number);
        received.add(buffer);
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.FLOAT32, ROWS, WIDTH), buffer);
        var call = new Call(List.of(frame), ROWS, Deadline.after(Duration.ofMinutes(10)), 0, Peers.peer(number));
        var made = new AtomicReference<Task>();
        Mono.<List<TensorFrame>>create(reply -> made.set(new Task(call, reply))).subscribe();
        frame.release();
        return made.get();
    }

    private Computation increment(NDList tensors) {
        buffersBefore = buffers.allocated();
        NDArray input = tensors.singletonOrThrow();
        arraysBefore = input.getManager().getManagedArrays().size();
        NDArray result = input.add(arrays.manager().create(1f));
        return new Computation(
                new NDList(result),
                () -> arraysAfter = input.getManager().getManagedArrays().size(),
                Duration.ZERO);
    }

    /** Java's heap that this took, in bytes. */
    private long compute() {
        Batch batch = batch();
        long before = THREADS.getCurrentThreadAllocatedBytes();
        outcome = Attempts.compute(batch);
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    private void end() {
        outcome.results().forEach(result -> {
            result.tensors().forEach(TensorFrame::release);
            result.task().release();
        });
        received.clear();
        outcome = null;
    }

    @AfterEach
    void release() {
        if (outcome != null) {
            end();
        }
    }

    @Test
    void compute_ofABatch_readsWhatWasReceivedOnce() {
        compute();

        assertThat(received).allSatisfy(buffer -> assertThat(buffer.readBytes()).isEqualTo(TASK_BYTES));
    }

    @Test
    void compute_ofABatch_receivesStraightIntoTheArray() {
        compute();

        assertThat(buffersBefore).as("buffers besides those received").isZero();
        assertThat(arraysBefore).as("arrays").isEqualTo(1);
    }

    @Test
    void compute_ofABatch_sendsStraightFromTheResult() {
        compute();

        assertThat(buffers.allocated()).as("buffers, one for each reply").isEqualTo(TASKS);
        assertThat(arraysAfter)
                .as("arrays, those of the batch and of the result")
                .isEqualTo(2);
        for (int i = 0; i < TASKS; i++) {
            TensorFrame reply = outcome.results().get(i).tensors().get(0);
            assertThat(reply.data().readableBytes()).isEqualTo(TASK_BYTES);
            assertThat(reply.data().getFloatLE(0)).isEqualTo(i + 1f);
        }
    }

    @Test
    void compute_ofABatch_copiesNothingToTheHeap() {
        compute();
        end();

        assertThat(compute()).isLessThan(TASK_BYTES);
    }
}
