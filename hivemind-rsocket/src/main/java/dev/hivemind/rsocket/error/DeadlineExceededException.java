package dev.hivemind.rsocket.error;

/** No answer came within the time that the caller allowed. */
public final class DeadlineExceededException extends RpcTransientException {

    public DeadlineExceededException(String message) {
        super(message);
    }
}
