package dev.hivemind.moe.server.batching;

import static java.util.Objects.requireNonNull;

import java.util.function.Function;

/**
 * Pools of which one batch at most is computed at a time, because they work on the same parameters. Safe for use from any
 * thread.
 */
public final class PoolGroup {

    private final Function<PoolQueue, TaskPool> adder;

    /** Guarded by the lock of {@link WaitingTasks}. */
    private boolean busy;

    PoolGroup(Function<PoolQueue, TaskPool> adder) {
        this.adder = adder;
    }

    /**
     * Adds a pool.
     *
     * @param name for messages to callers, for example {@code expert.5/forward}
     */
    public TaskPool addPool(String name, BatchLimits limits, BatchFunction function) {
        return addPool(name, limits, function, PoolListener.NONE);
    }

    /**
     * Adds a pool of which a listener hears.
     *
     * @param name for messages to callers, for example {@code expert.5/forward}
     */
    public TaskPool addPool(String name, BatchLimits limits, BatchFunction function, PoolListener listener) {
        requireNonNull(name, "name");
        requireNonNull(limits, "limits");
        requireNonNull(function, "function");
        requireNonNull(listener, "listener");
        return adder.apply(new PoolQueue(name, this, limits, function, listener));
    }

    boolean isBusy() {
        return busy;
    }

    void setBusy(boolean busy) {
        this.busy = busy;
    }
}
