package dev.hivemind.moe.server.batching;

/** Hears of every batch of a pool. */
@FunctionalInterface
public interface BatchListener {

    /** Hears nothing. */
    BatchListener NONE = report -> {};

    /** A batch was computed. On the device thread, which waits meanwhile; must not throw. */
    void computed(BatchReport report);
}
