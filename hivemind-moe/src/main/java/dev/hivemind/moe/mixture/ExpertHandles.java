package dev.hivemind.moe.mixture;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.List;

/**
 * One handle for each expert, as long as it lives where it did, so that it is asked for its schema once and not each time
 * the DHT was read. Bounded and thread-safe.
 */
final class ExpertHandles {

    private static final int MAX_HANDLES = 65_536;

    private final ExpertClient client;
    private final Cache<ExpertUid, Known> handles = Caffeine.newBuilder()
            .maximumSize(MAX_HANDLES)
            .executor(Runnable::run)
            .build();

    ExpertHandles(ExpertClient client) {
        this.client = client;
    }

    /** The handle for where the expert lives now; what was known of it elsewhere is forgotten. */
    RemoteExpert get(List<ExpertDescriptor> owners) {
        List<Home> homes = owners.stream().map(Home::of).toList();
        ExpertUid uid = owners.get(0).uid();
        Known known = handles.getIfPresent(uid);
        if (known == null || !known.homes.equals(homes)) {
            known = new Known(homes, client.remote(owners));
            handles.put(uid, known);
        }
        return known.handle;
    }

    /** What was known of an expert holds no longer: it is another now, or gone. */
    void forget(ExpertUid uid) {
        handles.invalidate(uid);
    }

    private record Known(List<Home> homes, RemoteExpert handle) {}

    /** All that a handle is made of; loads and states change without effect on it. */
    private record Home(PeerId peer, List<PeerAddress> addresses) {

        static Home of(ExpertDescriptor owner) {
            return new Home(owner.peerId(), owner.addresses());
        }
    }
}
