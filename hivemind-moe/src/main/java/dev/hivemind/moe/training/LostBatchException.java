package dev.hivemind.moe.training;

import dev.hivemind.rsocket.error.RpcTransientException;

/** Experts failed on the way back: some may have learned from the batch, and the local weights cannot. */
final class LostBatchException extends RuntimeException {

    private final RpcTransientException reason;

    LostBatchException(RpcTransientException reason) {
        super(reason.getMessage(), reason);
        this.reason = reason;
    }

    RpcTransientException reason() {
        return reason;
    }
}
