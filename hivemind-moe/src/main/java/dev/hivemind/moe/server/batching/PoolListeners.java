package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.RpcException;
import java.util.List;

/** Several listeners, of which those hear that are listening. */
record PoolListeners(List<PoolListener> listeners) implements PoolListener {

    PoolListeners {
        listeners = List.copyOf(listeners);
    }

    @Override
    public boolean isListening() {
        for (PoolListener listener : listeners) {
            if (listener.isListening()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void computed(BatchReport report) {
        for (PoolListener listener : listeners) {
            if (listener.isListening()) {
                listener.computed(report);
            }
        }
    }

    @Override
    public void refused(RpcException reason) {
        for (PoolListener listener : listeners) {
            if (listener.isListening()) {
                listener.refused(reason);
            }
        }
    }
}
