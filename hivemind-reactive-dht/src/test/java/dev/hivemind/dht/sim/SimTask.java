package dev.hivemind.dht.sim;

import reactor.core.Disposable;

/** Something that happens at a moment of virtual time, unless it is disposed before. */
final class SimTask implements Disposable {

    private static final Runnable NOTHING = () -> {};

    private final long moment;
    private final long order;
    private Runnable work;

    /**
     * @param moment nanoseconds since virtual time began
     * @param order of tasks of one moment, the one with the lowest runs first
     */
    SimTask(long moment, long order, Runnable work) {
        this.moment = moment;
        this.order = order;
        this.work = work;
    }

    long moment() {
        return moment;
    }

    boolean isBefore(SimTask other) {
        return moment != other.moment ? moment < other.moment : order < other.order;
    }

    void run() {
        Runnable todo = work;
        work = NOTHING;
        todo.run();
    }

    @Override
    public void dispose() {
        work = NOTHING;
    }

    @Override
    public boolean isDisposed() {
        return work == NOTHING;
    }
}
