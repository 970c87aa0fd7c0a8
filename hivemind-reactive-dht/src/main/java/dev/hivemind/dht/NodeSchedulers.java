package dev.hivemind.dht;

import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Where a node works.
 *
 * @param loop where its state lives
 * @param ownsLoop whether the node ends that scheduler
 * @param results where results are emitted and deadlines measured
 */
record NodeSchedulers(Scheduler loop, boolean ownsLoop, Scheduler results) implements Disposable {

    /** Null stands for an own thread. */
    static NodeSchedulers of(@Nullable Scheduler loop, Scheduler results) {
        return loop == null
                ? new NodeSchedulers(Schedulers.newSingle("hivemind-dht", true), true, results)
                : new NodeSchedulers(loop, false, results);
    }

    @Override
    public void dispose() {
        if (ownsLoop) {
            loop.dispose();
        }
    }
}
