package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtValue;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Finds what is stored under keys. */
final class RecordReads {

    /** How many keys of a batch are looked for together. */
    private static final int TOGETHER = 64;

    /** How many such groups of one batch are on their way at once. */
    private static final int MAX_GROUPS = 2;

    private final NodeParts node;
    private final Membership membership;
    private final PathCache cache;
    private final SharedFinds shared = new SharedFinds();
    private final Absences absences = new Absences();

    RecordReads(NodeParts node, Membership membership, PathCache cache) {
        this.cache = cache;
        this.node = node;
        this.membership = membership;
    }

    /** A living value under a key, if one was not found missing a moment ago. */
    Mono<DhtValue> findAny(DhtKey key) {
        NodeId target = key.target();
        return node.loop()
                .call(() -> absences.contains(target, node.lifetimes().now()) && node.known(target) == null)
                .flatMap(absent -> absent ? Mono.empty() : shared.find(target, Instant.MIN, () -> search(key)));
    }

    /** This node has stored something, which its next reads find. Called on the loop. */
    void stored(NodeId target) {
        absences.stored(target);
        shared.leave(target, Instant.MIN);
        shared.leave(target, Instant.MAX);
    }

    private Mono<DhtValue> search(DhtKey key) {
        NodeId target = key.target();
        long stores = absences.stores();
        return lookUp(key, node.lifetimes().now())
                .switchIfEmpty(node.loop()
                        .call(() -> {
                            absences.add(target, node.lifetimes().now(), stores);
                            return target;
                        })
                        .then(Mono.empty()));
    }

    /** The value under a key; the search ends early with one that lives as long as is sufficient. */
    Mono<DhtValue> find(DhtKey key, Instant sufficient) {
        NodeId target = key.target();
        return shared.find(target, sufficient, () -> lookUp(key, sufficient));
    }

    private Mono<DhtValue> lookUp(DhtKey key, Instant sufficient) {
        NodeId target = key.target();
        return membership
                .rejoinIfAlone()
                .then(node.loop().call(() -> request(target, sufficient)))
                .flatMap(node::look)
                .doOnNext(result -> {
                    if (sufficient.isBefore(Instant.MAX)) {
                        cache.found(key, result);
                    }
                })
                .flatMap(this::valueOf);
    }

    /** What is found under a key while it is looked for. */
    Flux<DhtValue> stream(DhtKey key) {
        NodeId target = key.target();
        return membership
                .rejoinIfAlone()
                .then(node.loop().call(() -> request(target, Instant.MAX)))
                .flatMapMany(node::stream);
    }

    /** The values under some keys, of each like {@link #find}. */
    Flux<FoundValue> findAll(Collection<DhtKey> keys, Instant sufficient) {
        Flux<FoundValue> found =
                Flux.fromIterable(keys).buffer(TOGETHER).flatMap(group -> findGroup(group, sufficient), MAX_GROUPS);
        return membership.rejoinIfAlone().thenMany(found);
    }

    private Flux<FoundValue> findGroup(List<DhtKey> keys, Instant sufficient) {
        Map<NodeId, DhtKey> byTarget = new LinkedHashMap<>();
        keys.forEach(key -> byTarget.put(key.target(), key));
        return node.loop()
                .call(() -> byTarget.keySet().stream()
                        .map(target -> request(target, sufficient))
                        .toList())
                .flatMapMany(node::lookAll)
                .concatMap(
                        result -> valueOf(result).mapNotNull(value -> found(byTarget.get(result.target()), value)), 0);
    }

    private static @Nullable FoundValue found(@Nullable DhtKey key, DhtValue value) {
        return key == null ? null : new FoundValue(key, value);
    }

    private LookupRequest request(NodeId target, Instant sufficient) {
        return LookupRequest.ofValue(target, node.config().bucketSize(), sufficient, node.known(target));
    }

    private Mono<DhtValue> valueOf(LookupResult result) {
        DhtValue value = result.value();
        if (value != null) {
            return Mono.justOrEmpty(node.lifetimes().acceptable(value));
        }
        return result.closest().isEmpty() && node.isClientOnly() ? Mono.error(NodeParts.nobody()) : Mono.empty();
    }
}
