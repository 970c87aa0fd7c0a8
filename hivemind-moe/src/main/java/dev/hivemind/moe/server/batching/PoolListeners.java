package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.RpcException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Several listeners, of which those hear that are listening. */
record PoolListeners(List<PoolListener> listeners) implements PoolListener {

    private static final Logger LOG = LoggerFactory.getLogger(PoolListeners.class);

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

    /** What a listener throws is its own affair: the devices go on. */
    private static void tell(PoolListener listener, Runnable news) {
        try {
            if (listener.isListening()) {
                news.run();
            }
        } catch (RuntimeException broken) {
            LOG.warn("A listener of a pool failed", broken);
        }
    }

    @Override
    public void computed(BatchReport report) {
        for (PoolListener listener : listeners) {
            tell(listener, () -> listener.computed(report));
        }
    }

    @Override
    public void carried(long bytes, long plainBytes) {
        for (PoolListener listener : listeners) {
            tell(listener, () -> listener.carried(bytes, plainBytes));
        }
    }

    @Override
    public void refused(RpcException reason) {
        for (PoolListener listener : listeners) {
            tell(listener, () -> listener.refused(reason));
        }
    }
}
