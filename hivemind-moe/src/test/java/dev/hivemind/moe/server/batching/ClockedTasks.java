package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** Tasks that wait for one device, on a clock that the test moves. Nothing is computed. */
final class ClockedTasks {

    static final int MAX_BATCH = 16;
    static final Duration LONG = Duration.ofMinutes(10);
    static final BatchLimits LIMITS = new BatchLimits(MAX_BATCH, 64);

    private final ManualClock clock = new ManualClock();
    private final WaitingTasks tasks;
    private final PoolQueue pool = newPool(LIMITS);
    private final Map<Task, RpcException> errors = new HashMap<>();

    ClockedTasks() {
        this(1_000_000);
    }

    ClockedTasks(long maxBytes) {
        this.tasks = new WaitingTasks(clock::nanoTime, 1, maxBytes);
    }

    static PoolQueue newPool(BatchLimits limits) {
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
                PoolListener.NONE);
    }

    ManualClock clock() {
        return clock;
    }

    WaitingTasks waiting() {
        return tasks;
    }

    PoolQueue pool() {
        return pool;
    }

    Task task(int caller, int rows) {
        return task(caller, rows, 0, LONG);
    }

    Task task(int caller, int rows, int priority, Duration timeout) {
        return task(List.of(), rows, priority, timeout, caller);
    }

    Task ofBytes(int caller, int bytes) {
        var tensor = new TensorFrame(
                TensorDescriptor.of(ElementType.UINT8, 1, bytes), Unpooled.wrappedBuffer(new byte[bytes]));
        return task(List.of(tensor), 1, 0, LONG, caller);
    }

    private Task task(List<TensorFrame> tensors, int rows, int priority, Duration timeout, int caller) {
        var deadline = new Deadline(clock.nanoTime() + timeout.toNanos());
        var call = new Call(tensors, rows, deadline, priority, Peers.peer(caller));
        List<Task> made = new ArrayList<>();
        Mono.<List<TensorFrame>>create(reply -> made.add(new Task(call, reply)))
                .subscribe(frames -> {}, error -> errors.put(made.get(0), (RpcException) error));
        return made.get(0);
    }

    /** A task that got in, a moment after the one before. */
    Task queued(int caller, int rows) {
        return queued(pool, task(caller, rows));
    }

    Task queued(PoolQueue to, Task task) {
        clock.advance(Duration.ofNanos(1));
        assertThat(tasks.enter(to, task)).isNull();
        return task;
    }

    /** A task that waits for room, if there is none. */
    Task applied(int caller, int rows) {
        return applied(pool, task(caller, rows));
    }

    Task applied(PoolQueue to, Task task) {
        tasks.enterWhenRoom(to, task);
        return task;
    }

    /** Why the task does not get in; null if it does. */
    @Nullable RpcException refusal(Task task) {
        return tasks.enter(pool, task);
    }

    /** With what the task has failed; null if it has not. */
    @Nullable RpcException error(Task task) {
        return errors.get(task);
    }

    int queuedRows() {
        return tasks.queuedRows(pool);
    }

    /** The tasks of the next batch. */
    List<Task> taken() {
        return tasks.take().map(Batch::tasks).orElse(List.of());
    }

    /** A batch from first to last. */
    List<Task> computed(Duration time) {
        Batch batch = tasks.take().orElseThrow();
        clock.advance(time);
        tasks.computed(batch, time);
        tasks.finished(batch);
        return batch.tasks();
    }
}
