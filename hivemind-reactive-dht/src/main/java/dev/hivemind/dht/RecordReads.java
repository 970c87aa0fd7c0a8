package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtValue;
import java.time.Instant;
import reactor.core.publisher.Mono;

/** Finds what is stored under keys. */
final class RecordReads {

    private final NodeParts node;
    private final Membership membership;
    private final SharedFinds shared = new SharedFinds();
    private final Absences absences = new Absences();

    RecordReads(NodeParts node, Membership membership) {
        this.node = node;
        this.membership = membership;
    }

    /** A living value under a key, if one was not found missing a moment ago. */
    Mono<DhtValue> findAny(DhtKey key) {
        NodeId target = key.target();
        return node.loop()
                .call(() -> absences.contains(target, node.lifetimes().now())
                        && node.store().get(target) == null)
                .flatMap(absent -> absent ? Mono.empty() : shared.find(target, Instant.MIN, () -> search(target)));
    }

    private Mono<DhtValue> search(NodeId target) {
        return find(target, node.lifetimes().now())
                .switchIfEmpty(node.loop()
                        .call(() -> {
                            absences.add(target, node.lifetimes().now());
                            return target;
                        })
                        .then(Mono.empty()));
    }

    /** The value under a key; the search ends early with one that lives as long as is sufficient. */
    Mono<DhtValue> find(DhtKey key, Instant sufficient) {
        NodeId target = key.target();
        return shared.find(target, sufficient, () -> find(target, sufficient));
    }

    private Mono<DhtValue> find(NodeId target, Instant sufficient) {
        return membership
                .rejoinIfAlone()
                .then(node.loop().call(() -> request(target, sufficient)))
                .flatMap(node::look)
                .flatMap(this::valueOf);
    }

    private LookupRequest request(NodeId target, Instant sufficient) {
        return LookupRequest.ofValue(
                target, node.config().bucketSize(), sufficient, node.store().get(target));
    }

    private Mono<DhtValue> valueOf(LookupResult result) {
        DhtValue value = result.value();
        if (value != null) {
            return Mono.justOrEmpty(node.lifetimes().acceptable(value));
        }
        return result.closest().isEmpty() && node.isClientOnly() ? Mono.error(NodeParts.nobody()) : Mono.empty();
    }
}
