package dev.hivemind.rsocket.events;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.identity.PeerId;

/**
 * An event of a peer that offered its events.
 *
 * @param source the peer, whose identity is proven
 * @param event as the peer sent it; {@code dropped} also counts what was missed here
 */
public record CollectedEvent(PeerId source, EventMessage event) {

    public CollectedEvent {
        requireNonNull(source, "source");
        requireNonNull(event, "event");
    }
}
