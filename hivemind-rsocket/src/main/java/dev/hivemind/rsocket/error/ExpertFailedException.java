package dev.hivemind.rsocket.error;

/** The expert could not compute an answer to this call. */
public final class ExpertFailedException extends RpcNonTransientException {

    public ExpertFailedException(String message) {
        super(message);
    }
}
