package dev.hivemind.dashboard.swarm;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;

/**
 * Which swarm to watch.
 *
 * @param initialPeers where to enter it, at least one
 * @param prefixes of experts to look for, besides those that servers tell of
 * @param reportOn where to listen for trainers that report; port 0 takes a free one
 */
public record Watched(List<PeerAddress> initialPeers, List<ExpertPrefix> prefixes, PeerAddress reportOn) {

    public Watched {
        initialPeers = List.copyOf(initialPeers);
        prefixes = List.copyOf(prefixes);
        requireNonNull(reportOn, "reportOn");
        if (initialPeers.isEmpty()) {
            throw new IllegalArgumentException("A dashboard needs a peer of the swarm: give it one");
        }
    }
}
