package dev.hivemind.rsocket.error;

/** The peer cannot be reached, or the connection to it was lost while the call was under way. */
public final class PeerUnavailableException extends RpcTransientException {

    public PeerUnavailableException(String message) {
        super(message);
    }

    public PeerUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
