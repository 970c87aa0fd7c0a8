package dev.hivemind.rsocket.error;

/** The reply is too large to be the answer of a single frame; the same call can be repeated as a channel. */
public final class ReplyTooLargeException extends RpcNonTransientException {

    public ReplyTooLargeException(String message) {
        super(message);
    }
}
