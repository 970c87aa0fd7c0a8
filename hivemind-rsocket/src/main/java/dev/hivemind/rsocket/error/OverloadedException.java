package dev.hivemind.rsocket.error;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/** The peer has no room for the call now. Nothing was queued. */
public final class OverloadedException extends RpcTransientException {

    private final Duration retryAfter;

    /** @param retryAfter when the peer expects to have room again */
    public OverloadedException(String message, Duration retryAfter) {
        super(message);
        this.retryAfter = requireNonNull(retryAfter, "retryAfter");
    }

    /** When the peer expects to have room again, counted from its answer. */
    public Duration retryAfter() {
        return retryAfter;
    }
}
