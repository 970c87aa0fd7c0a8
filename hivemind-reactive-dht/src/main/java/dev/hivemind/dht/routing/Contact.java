package dev.hivemind.dht.routing;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.ArrayList;
import java.util.List;

/**
 * A peer of the DHT and how to reach it.
 *
 * @param id the peer's id, and so its place in the DHT
 * @param addresses where the peer listens, at most {@value #MAX_ADDRESSES}; empty for a client-only peer, which asks
 *     others and serves nobody
 */
public record Contact(NodeId id, List<PeerAddress> addresses) {

    /** The most addresses that a contact has. */
    public static final int MAX_ADDRESSES = 16;

    public Contact {
        requireNonNull(id, "id");
        addresses = List.copyOf(addresses);
        if (addresses.size() > MAX_ADDRESSES) {
            throw new IllegalArgumentException("A contact has at most %d addresses".formatted(MAX_ADDRESSES));
        }
    }

    /** The contact of a peer; of too many addresses, the first ones count, and those without a port do not. */
    public static Contact of(PeerId peer, List<PeerAddress> addresses) {
        List<PeerAddress> reachable = new ArrayList<>(addresses.size());
        for (PeerAddress address : addresses) {
            if (address.port() != 0 && reachable.size() < MAX_ADDRESSES) {
                reachable.add(address);
            }
        }
        return new Contact(NodeId.of(peer), reachable);
    }

    /** The peer. */
    public PeerId peerId() {
        return PeerId.fromBytes(id.toBytes());
    }

    /** Whether the peer serves nobody. */
    public boolean isClientOnly() {
        return addresses.isEmpty();
    }

    @Override
    public String toString() {
        return peerId().toShortString() + "@" + addresses;
    }
}
