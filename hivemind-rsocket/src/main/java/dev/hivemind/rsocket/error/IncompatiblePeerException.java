package dev.hivemind.rsocket.error;

/** The two peers share no version of the protocol, or a call needs what the other peer does not understand. */
public final class IncompatiblePeerException extends RpcNonTransientException {

    public IncompatiblePeerException(String message) {
        super(message);
    }
}
