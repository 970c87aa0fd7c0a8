package dev.hivemind.rsocket.error;

/** The peer refuses to work for this caller, or did not prove its identity. */
public final class UnauthorizedException extends RpcNonTransientException {

    public UnauthorizedException(String message) {
        super(message);
    }
}
