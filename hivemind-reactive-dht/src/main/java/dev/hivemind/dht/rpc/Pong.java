package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import java.time.Instant;

/**
 * The answer to a ping.
 *
 * @param clock the answering peer's time
 */
public record Pong(Instant clock) {

    public Pong {
        requireNonNull(clock, "clock");
    }
}
