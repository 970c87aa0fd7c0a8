package dev.hivemind.rsocket.error;

/** A body is larger than its receiver ever has room for. */
public final class PayloadTooLargeException extends RpcNonTransientException {

    public PayloadTooLargeException(String message) {
        super(message);
    }
}
