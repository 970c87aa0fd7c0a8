package dev.hivemind.dht.expert;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.Dht;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Declares experts in the DHT, and finds them. Stateless; safe for use from any thread. Publishers are cold; signals
 * arrive and errors are raised as by {@link Dht}. Whatever malformed the DHT contains is skipped.
 */
public final class ExpertDirectory {

    /** How many uids of one {@link #findAll} are looked up at once. */
    private static final int MAX_LOOKUPS = 16;

    private final Dht dht;

    /** A directory in this DHT, which stays the caller's. */
    public ExpertDirectory(Dht dht) {
        this.dht = requireNonNull(dht, "dht");
    }

    /**
     * Declares experts as hosted by this node, at its addresses, until a time has passed. To keep them declared, declare
     * them again before that.
     *
     * <p>Errors besides those of {@link Dht#store}: {@link IllegalStateException} if this node listens nowhere, so that
     * nobody could call its experts.
     *
     * @param ttl how long others see them unless they are declared again
     */
    public Mono<DeclareReceipt> declare(Collection<ExpertUid> uids, Duration ttl) {
        List<ExpertUid> copy = List.copyOf(uids);
        return Mono.defer(() -> {
            List<DhtRecord> records =
                    DirectoryRecords.declare(describe(copy), dht.now().plus(ttl));
            return dht.storeAll(records)
                    .filter(StoreReceipt::isStored)
                    .count()
                    .map(stored -> new DeclareReceipt(records.size(), stored.intValue()));
        });
    }

    private List<ExpertDescriptor> describe(List<ExpertUid> uids) {
        List<PeerAddress> addresses = dht.addresses();
        if (addresses.isEmpty()) {
            throw new IllegalStateException(
                    "A node that listens nowhere cannot host experts: give it a listen address");
        }
        return uids.stream()
                .map(uid -> new ExpertDescriptor(uid, dht.id(), addresses))
                .toList();
    }

    /** The owners of an expert, the latest declared first; empty if there is none. */
    public Flux<ExpertDescriptor> find(ExpertUid uid) {
        return dht.getLatest(uid.key()).flatMapIterable(value -> DirectoryRecords.owners(uid, value));
    }

    /** An owner of each of some experts, the latest declared; those that nobody hosts are missing from the map. */
    public Mono<Map<ExpertUid, ExpertDescriptor>> findAll(Collection<ExpertUid> uids) {
        return Flux.fromIterable(new LinkedHashSet<>(uids))
                .flatMap(uid -> find(uid).next(), MAX_LOOKUPS)
                .collectMap(ExpertDescriptor::uid);
    }

    /**
     * The coordinates that can follow a prefix, each with one expert that lies there: for {@code ffn.} in a flat grid,
     * all experts. Empty if there are none.
     */
    public Mono<SortedMap<Integer, ExpertDescriptor>> successors(ExpertPrefix prefix) {
        SortedMap<Integer, ExpertDescriptor> none = Collections.unmodifiableSortedMap(new TreeMap<>());
        return dht.getLatest(prefix.key())
                .map(value -> DirectoryRecords.successors(prefix, value))
                .defaultIfEmpty(none);
    }
}
