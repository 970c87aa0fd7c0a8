package dev.hivemind.rsocket.error;

/** A call or an answer is larger than one frame may be. */
public final class PayloadTooLargeException extends RpcNonTransientException {

    public PayloadTooLargeException(String message) {
        super(message);
    }
}
