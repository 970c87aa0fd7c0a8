package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.RpcException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.MonoSink;

/** A task that waits outside until there is room for it; the next call of a stream. */
final class Applicant {

    private final PoolQueue pool;
    private final Task task;
    private final MonoSink<Applicant> decided;
    private @Nullable RpcException refusal;

    Applicant(PoolQueue pool, Task task, MonoSink<Applicant> decided) {
        this.pool = pool;
        this.task = task;
        this.decided = decided;
    }

    PoolQueue pool() {
        return pool;
    }

    Task task() {
        return task;
    }

    /** Under the lock of {@link WaitingTasks}, before {@link #answer()}. */
    void refuse(RpcException reason) {
        this.refusal = reason;
    }

    /** Why the task never gets in; null when it is in. */
    @Nullable RpcException refusal() {
        return refusal;
    }

    /** Emits this applicant to whoever waits for it. */
    void answer() {
        decided.success(this);
    }
}
