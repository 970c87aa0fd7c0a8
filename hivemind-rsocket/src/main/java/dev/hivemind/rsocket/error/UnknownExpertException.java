package dev.hivemind.rsocket.error;

/** The peer hosts no expert of that uid. */
public final class UnknownExpertException extends RpcNonTransientException {

    public UnknownExpertException(String message) {
        super(message);
    }
}
