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
 * One handle for each expert and place where it lives, so that it is asked for its schema once and not each time the DHT
 * was read. Bounded and thread-safe.
 */
final class ExpertHandles {

    private static final int MAX_HANDLES = 65_536;

    private final ExpertClient client;
    private final Cache<Whereabouts, RemoteExpert> handles = Caffeine.newBuilder()
            .maximumSize(MAX_HANDLES)
            .executor(Runnable::run)
            .build();

    ExpertHandles(ExpertClient client) {
        this.client = client;
    }

    RemoteExpert get(List<ExpertDescriptor> owners) {
        return handles.get(Whereabouts.of(owners), where -> client.remote(owners));
    }

    /** What was known of an expert holds no longer: it is another now, or gone. */
    void forget(ExpertUid uid) {
        handles.asMap().keySet().removeIf(where -> where.uid.equals(uid));
    }

    /** All that a handle is made of; loads and states change without effect on it. */
    private record Whereabouts(ExpertUid uid, List<Home> homes) {

        static Whereabouts of(List<ExpertDescriptor> owners) {
            return new Whereabouts(
                    owners.get(0).uid(),
                    owners.stream()
                            .map(owner -> new Home(owner.peerId(), owner.addresses()))
                            .toList());
        }
    }

    private record Home(PeerId peer, List<PeerAddress> addresses) {}
}
