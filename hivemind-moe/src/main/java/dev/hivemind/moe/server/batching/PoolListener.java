package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.RpcException;
import java.util.List;

/** Hears what happens in a pool. Quick, safe for use from any thread, and never throws. */
public interface PoolListener {

    /** Hears nothing. */
    PoolListener NONE = all(List.of());

    /** Whether anybody wants to hear; if not, nothing need be told. */
    boolean isListening();

    /** A batch was computed. On the device thread, which waits meanwhile. */
    void computed(BatchReport report);

    /** A call was not computed. */
    void refused(RpcException reason);

    /**
     * Tensors of a call and of its answer have travelled.
     *
     * @param bytes as they did
     * @param plainBytes as they would have without compression
     */
    default void carried(long bytes, long plainBytes) {}

    /** Tells several. */
    static PoolListener all(List<PoolListener> listeners) {
        return new PoolListeners(listeners);
    }
}
