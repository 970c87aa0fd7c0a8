package dev.hivemind.dht.expert;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.Dht;
import dev.hivemind.dht.FoundValue;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Declares experts in the DHT, and finds them. Stateless; safe for use from any thread. Publishers are cold; signals
 * arrive and errors are raised as by {@link Dht}. Whatever malformed the DHT contains is skipped.
 */
public final class ExpertDirectory {

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
        Map<ExpertUid, ExpertStatus> experts = new LinkedHashMap<>();
        uids.forEach(uid -> experts.put(uid, ExpertStatus.DEFAULT));
        return declare(experts, ttl);
    }

    /** Like {@link #declare(Collection, Duration)}, with a status for each expert. */
    public Mono<DeclareReceipt> declare(Map<ExpertUid, ExpertStatus> experts, Duration ttl) {
        Map<ExpertUid, ExpertStatus> copy = new LinkedHashMap<>(experts);
        return Mono.defer(() ->
                store(DirectoryRecords.declare(dht, describe(copy), dht.now().plus(ttl))));
    }

    /**
     * Withdraws experts that this node has declared: from now on, others do not find them any more.
     *
     * @param ttl at least as long as they were declared for, so that no late copy of the declaration outlives this
     */
    public Mono<DeclareReceipt> withdraw(Collection<ExpertUid> uids, Duration ttl) {
        List<ExpertUid> copy = List.copyOf(uids);
        return Mono.defer(
                () -> store(DirectoryRecords.withdraw(dht, copy, dht.now().plus(ttl))));
    }

    /**
     * Withdraws all experts that this node has declared, and with them the examples that it gave for the branches of the
     * grid which lead there: nothing of this node is found any more.
     *
     * @param uids all of them
     * @param ttl as for {@link #withdraw}
     */
    public Mono<DeclareReceipt> leave(Collection<ExpertUid> uids, Duration ttl) {
        List<ExpertUid> copy = List.copyOf(uids);
        return Mono.defer(
                () -> store(DirectoryRecords.leave(dht, copy, dht.now().plus(ttl))));
    }

    private Mono<DeclareReceipt> store(List<DhtRecord> records) {
        return dht.storeAll(records)
                .filter(StoreReceipt::isCovered)
                .count()
                .map(stored -> new DeclareReceipt(records.size(), stored.intValue()));
    }

    private List<ExpertDescriptor> describe(Map<ExpertUid, ExpertStatus> experts) {
        List<PeerAddress> addresses = dht.addresses();
        if (addresses.isEmpty()) {
            throw new IllegalStateException(
                    "A node that listens nowhere cannot host experts: give it a listen address");
        }
        return experts.entrySet().stream()
                .map(expert -> new ExpertDescriptor(expert.getKey(), dht.id(), addresses, expert.getValue()))
                .toList();
    }

    /** The owners of an expert, those that take calls first, and of them the latest declared; empty if there is none. */
    public Flux<ExpertDescriptor> find(ExpertUid uid) {
        return dht.getLatest(uid.key()).flatMapIterable(value -> DirectoryRecords.owners(uid, value));
    }

    /** The first owner of each of some experts, in the order of {@link #find}; those that nobody hosts are missing from the map. */
    public Mono<Map<ExpertUid, ExpertDescriptor>> findAll(Collection<ExpertUid> uids) {
        Map<DhtKey, ExpertUid> byKey = new LinkedHashMap<>();
        uids.forEach(uid -> byKey.put(uid.key(), uid));
        return dht.getAll(byKey.keySet())
                .concatMapIterable(found -> first(byKey.get(found.key()), found.value()), 1)
                .collectMap(ExpertDescriptor::uid);
    }

    private static List<ExpertDescriptor> first(@Nullable ExpertUid uid, DhtValue value) {
        List<ExpertDescriptor> owners = uid == null ? List.of() : DirectoryRecords.owners(uid, value);
        return owners.subList(0, Math.min(1, owners.size()));
    }

    /**
     * The coordinates that can follow a prefix, each with one expert that lies there, which takes calls if any does: for
     * {@code ffn.} in a flat grid, all experts. Empty if there are none.
     */
    public Mono<SortedMap<Integer, ExpertDescriptor>> successors(ExpertPrefix prefix) {
        return owners(prefix).map(ExpertDirectory::firsts);
    }

    private static SortedMap<Integer, ExpertDescriptor> firsts(SortedMap<Integer, List<ExpertDescriptor>> owners) {
        SortedMap<Integer, ExpertDescriptor> first = new TreeMap<>();
        owners.forEach((coordinate, experts) -> first.put(coordinate, experts.get(0)));
        return first;
    }

    /**
     * The coordinates that can follow a prefix, each with one expert of every owner who has some there, at most
     * {@value dev.hivemind.dht.storage.DictionaryRecord#MAX_OWNERS}, in the order of {@link #find}. Empty if there are
     * none.
     */
    public Mono<SortedMap<Integer, List<ExpertDescriptor>>> owners(ExpertPrefix prefix) {
        return dht.getLatest(prefix.key())
                .map(value -> DirectoryRecords.successors(prefix, value))
                .defaultIfEmpty(Collections.emptySortedMap());
    }

    /** What {@link #successors(ExpertPrefix)} says of each of some prefixes; every distinct one is looked up once. */
    public Mono<Map<ExpertPrefix, SortedMap<Integer, ExpertDescriptor>>> successors(Collection<ExpertPrefix> prefixes) {
        Map<DhtKey, ExpertPrefix> byKey = new LinkedHashMap<>();
        prefixes.forEach(prefix -> byKey.put(prefix.key(), prefix));
        return dht.getAll(byKey.keySet()).collectList().map(values -> {
            Map<ExpertPrefix, SortedMap<Integer, ExpertDescriptor>> found = new LinkedHashMap<>();
            byKey.values().forEach(prefix -> found.put(prefix, Collections.emptySortedMap()));
            for (FoundValue value : values) {
                ExpertPrefix prefix = byKey.get(value.key());
                if (prefix != null) {
                    found.put(prefix, firsts(DirectoryRecords.successors(prefix, value.value())));
                }
            }
            return found;
        });
    }

    /**
     * Who is declared under a prefix now, each as one that joins, and who joins, leaves or changes from then on; ends when
     * it is cancelled. Transient failures are read over.
     *
     * @param period the pause between two looks, and so how late a change is seen
     */
    public Flux<DirectoryChange> watch(ExpertPrefix prefix, Duration period) {
        return Flux.defer(() -> {
            var watch = new DirectoryWatch();
            return dht.observe(prefix.key(), period)
                    .map(value -> value.map(found -> DirectoryRecords.successors(prefix, found))
                            .orElseGet(Collections::emptySortedMap))
                    .concatMapIterable(watch::update, 1);
        });
    }
}
