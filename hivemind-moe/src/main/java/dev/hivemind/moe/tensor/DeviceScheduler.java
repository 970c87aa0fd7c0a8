package dev.hivemind.moe.tensor;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.ScheduledThreadPoolExecutor;
import reactor.core.Disposable;
import reactor.core.scheduler.NonBlocking;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * One thread that computes. Grad mode is off and the number of threads per operation is set before its first task; all
 * arrays of a component are touched on its device thread alone.
 *
 * <p>Whoever creates a device scheduler disposes it. Tasks that queue must be bounded by their source: the scheduler
 * itself takes any number.
 */
public final class DeviceScheduler implements Disposable {

    private final ScheduledThreadPoolExecutor thread;
    private final Scheduler scheduler;

    private DeviceScheduler(String name, int intraOpThreads) {
        this.thread = new ScheduledThreadPoolExecutor(1, task -> new DeviceThread(this, name, intraOpThreads, task));
        thread.setRemoveOnCancelPolicy(true);
        this.scheduler = Schedulers.fromExecutorService(thread, name);
    }

    /**
     * A scheduler whose thread starts with its first task.
     *
     * @param name of the thread, for example {@code hivemind-device-0}
     * @param intraOpThreads threads that share one operation, at least 1
     */
    public static DeviceScheduler create(String name, int intraOpThreads) {
        requireNonNull(name, "name");
        if (intraOpThreads < 1) {
            throw new IllegalArgumentException("intraOpThreads is at least 1, not " + intraOpThreads);
        }
        return new DeviceScheduler(name, intraOpThreads);
    }

    /** Runs tasks one after the other on the device thread. */
    public Scheduler scheduler() {
        return scheduler;
    }

    /** Whether the calling thread is this scheduler's. */
    public boolean inDeviceThread() {
        return Thread.currentThread() instanceof DeviceThread thread && thread.owner == this;
    }

    /** Ends the thread after the task under way; tasks that wait are dropped. */
    @Override
    public void dispose() {
        scheduler.dispose();
    }

    /** Ends the thread after the tasks that wait; further ones are rejected. */
    public void disposeAfterTasks() {
        thread.shutdown();
    }

    @Override
    public boolean isDisposed() {
        return thread.isShutdown();
    }

    /** Marked as non-blocking, so that Reactor refuses {@code block()} here. */
    private static final class DeviceThread extends Thread implements NonBlocking {

        private final DeviceScheduler owner;
        private final int intraOpThreads;

        DeviceThread(DeviceScheduler owner, String name, int intraOpThreads, Runnable task) {
            super(task, name);
            this.owner = owner;
            this.intraOpThreads = intraOpThreads;
            setDaemon(true);
        }

        @Override
        public void run() {
            TensorOps.prepareThread(intraOpThreads);
            super.run();
        }
    }
}
