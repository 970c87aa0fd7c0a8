package dev.hivemind.moe.server;

import dev.hivemind.moe.server.batching.PoolListener;
import dev.hivemind.moe.server.batching.TaskPool;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;
import java.util.function.ToIntFunction;

/**
 * Forward or backward of one expert.
 *
 * @param rows checks the tensors of a call and counts their rows
 * @param pool where calls wait
 * @param listener hears of the calls
 */
record ExpertDirection(ToIntFunction<List<TensorDescriptor>> rows, TaskPool pool, PoolListener listener) {

    /**
     * The number of rows of these tensors.
     *
     * @throws SchemaMismatchException that names what was expected and what was received
     */
    int requireRows(List<TensorDescriptor> tensors) {
        try {
            return rows.applyAsInt(tensors);
        } catch (SchemaMismatchException mismatch) {
            if (listener.isListening()) {
                listener.refused(mismatch);
            }
            throw mismatch;
        }
    }

    /** A call was answered; borrows the frames. */
    void carried(List<TensorDescriptor> call, List<TensorFrame> answer) {
        if (listener.isListening()) {
            long bytes = 0;
            long plainBytes = 0;
            for (TensorDescriptor tensor : call) {
                bytes += tensor.wireBytes();
                plainBytes += tensor.sizeBytes();
            }
            for (TensorFrame frame : answer) {
                bytes += frame.descriptor().wireBytes();
                plainBytes += frame.descriptor().sizeBytes();
            }
            listener.carried(bytes, plainBytes);
        }
    }
}
