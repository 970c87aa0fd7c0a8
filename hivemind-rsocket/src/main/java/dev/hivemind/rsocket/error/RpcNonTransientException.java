package dev.hivemind.rsocket.error;

/** The call failed for a reason that stays: the same call would fail again. */
public abstract sealed class RpcNonTransientException extends RpcException
        permits UnknownExpertException,
                SchemaMismatchException,
                UnauthorizedException,
                ProtocolViolationException,
                PayloadTooLargeException,
                IncompatiblePeerException,
                AlreadyAppliedException,
                ReplyTooLargeException,
                ExpertFailedException {

    RpcNonTransientException(String message) {
        super(message);
    }

    RpcNonTransientException(String message, Throwable cause) {
        super(message, cause);
    }
}
