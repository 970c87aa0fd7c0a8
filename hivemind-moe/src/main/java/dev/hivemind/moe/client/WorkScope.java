package dev.hivemind.moe.client;

import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;

/**
 * A manager that may be closed while a thread works on its arrays: it is closed at once if none does, and else by that
 * thread when it is done. Nobody waits. Thread-safe; one thread works at a time.
 */
final class WorkScope {

    private final NDManager manager = TensorOps.newManager();
    private final boolean gradients;
    private int atWork;
    private boolean closing;

    /** @param gradients whether work is done in grad mode */
    WorkScope(boolean gradients) {
        this.gradients = gradients;
    }

    NDManager manager() {
        return manager;
    }

    boolean hasGradients() {
        return gradients;
    }

    /** Works on the arrays, in the grad mode of the scope. */
    <T> T record(Supplier<T> work) {
        begin();
        try {
            return TensorOps.withGradMode(gradients, work);
        } finally {
            end();
        }
    }

    void close() {
        synchronized (this) {
            if (closing) {
                return;
            }
            closing = true;
            if (atWork > 0) {
                return;
            }
        }
        manager.close();
    }

    /** Nobody listens any more. */
    static final class StepOverException extends CancellationException {

        private StepOverException() {
            super("The step is over");
        }
    }

    private synchronized void begin() {
        if (closing) {
            throw new StepOverException();
        }
        atWork++;
    }

    private void end() {
        synchronized (this) {
            atWork--;
            if (!closing || atWork > 0) {
                return;
            }
        }
        manager.close();
    }
}
