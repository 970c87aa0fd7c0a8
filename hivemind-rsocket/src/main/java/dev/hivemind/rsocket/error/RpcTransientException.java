package dev.hivemind.rsocket.error;

/** The call failed for a reason that may pass: the same call, with the same call id, may be tried again. */
public abstract sealed class RpcTransientException extends RpcException
        permits PeerUnavailableException, OverloadedException, DeadlineExceededException {

    RpcTransientException(String message) {
        super(message);
    }

    RpcTransientException(String message, Throwable cause) {
        super(message, cause);
    }
}
