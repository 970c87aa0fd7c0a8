package dev.hivemind.rsocket.error;

/**
 * A call to a peer failed. The two branches tell whether the same call may succeed later:
 * {@link RpcTransientException} or {@link RpcNonTransientException}.
 *
 * <p>Messages are written for the caller and travel to other peers as they are, so they name shapes, limits and uids
 * and never files, addresses of third parties or texts of other exceptions.
 */
public abstract sealed class RpcException extends RuntimeException
        permits RpcTransientException, RpcNonTransientException {

    RpcException(String message) {
        super(message);
    }

    RpcException(String message, Throwable cause) {
        super(message, cause);
    }
}
