package dev.hivemind.rsocket.error;

/** The two peers share no version of the protocol. */
public final class IncompatiblePeerException extends RpcNonTransientException {

    public IncompatiblePeerException(String message) {
        super(message);
    }
}
