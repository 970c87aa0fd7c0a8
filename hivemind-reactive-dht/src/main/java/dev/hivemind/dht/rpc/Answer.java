package dev.hivemind.dht.rpc;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.Contact;

/**
 * What a peer answered, and how to reach it.
 *
 * @param <T> what kind of answer it is
 * @param from who answered, with the addresses that it announces itself: others may have described it differently
 * @param reply what it answered
 */
public record Answer<T>(Contact from, T reply) {

    public Answer {
        requireNonNull(from, "from");
        requireNonNull(reply, "reply");
    }
}
