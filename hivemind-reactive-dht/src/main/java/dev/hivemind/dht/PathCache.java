package dev.hivemind.dht;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Spreads what is asked for often. Whoever finds a value leaves a copy with the nearest peer on the way that had none, so that
 * many who ask do not all come to the few that keep it. Only entries that their owners signed are copied: of anything else,
 * peers that ought not to keep it would spread forgeries. Confined to the node's loop.
 */
final class PathCache implements Disposable {

    private static final Logger LOG = LoggerFactory.getLogger(PathCache.class);

    /** How long a copy lives at a peer that nearly ought to keep the value; half as long for each bucket of peers nearer. */
    private static final Duration LIFETIME = Duration.ofMinutes(1);

    /** How long before its end a copy that is in use is made anew. */
    private static final Duration AHEAD = Duration.ofSeconds(10);

    private static final int MAX_COPIES = 16;
    private static final int MAX_RENEWALS = 16;

    private final NodeParts node;
    private final Disposable.Composite underWay = Disposables.composite();

    PathCache(NodeParts node) {
        this.node = node;
    }

    /** Others copied a record here, which is welcome. Whether it is kept. */
    boolean put(DhtRecord record) {
        int away = node.peers().table().countNearer(record.key().target())
                / node.config().bucketSize();
        Duration lifetime = LIFETIME.dividedBy(1L << Math.min(away, 16));
        return record.body().owned() != null
                && node.cache().put(record, node.lifetimes().now().plus(lifetime));
    }

    /** Leaves a copy of what was found with the nearest peer that had none. */
    void found(DhtKey key, LookupResult result) {
        Contact without = result.nearestWithout();
        if (without == null
                || !(result.value() instanceof DictionaryRecord dictionary)
                || underWay.size() >= MAX_COPIES
                || underWay.isDisposed()) {
            return;
        }
        List<DhtRecord> records = owned(key, dictionary);
        if (!records.isEmpty()) {
            leave(without, Batches.of(records).get(0));
        }
    }

    private static List<DhtRecord> owned(DhtKey key, DictionaryRecord dictionary) {
        List<DhtRecord> records = new ArrayList<>();
        for (Map.Entry<ByteString, PlainRecord> entry : dictionary.entries().entrySet()) {
            if (entry.getValue().owned() != null) {
                records.add(new DhtRecord(key, entry.getKey(), entry.getValue()));
            }
        }
        return records;
    }

    private void leave(Contact peer, List<DhtRecord> records) {
        Disposable.Swap slot = Disposables.swap();
        underWay.add(slot);
        slot.update(node.rpc()
                .store(peer, new StoreRequest(records, true))
                .doFinally(ended -> underWay.remove(slot))
                .subscribe(stored -> {}, error -> LOG.debug("{} was not given a copy: {}", peer, error.getMessage())));
    }

    /** Reads anew what was copied here, is in use, and would be forgotten soon. */
    Mono<Void> renew() {
        return node.loop()
                .call(() -> node.cache().usedUntil(node.lifetimes().now().plus(AHEAD), MAX_RENEWALS))
                .flatMapMany(Flux::fromIterable)
                .concatMap(this::renew, 1)
                .then();
    }

    private Mono<Void> renew(DhtKey key) {
        NodeId target = key.target();
        var request = LookupRequest.ofValue(
                target, node.config().bucketSize(), node.lifetimes().now(), null);
        return node.look(request)
                .flatMap(result -> node.loop().call(() -> {
                    DhtValue value = result.value();
                    if (value instanceof DictionaryRecord dictionary) {
                        node.cache().forget(target);
                        owned(key, dictionary).forEach(this::put);
                    }
                    return target;
                }))
                .then();
    }

    @Override
    public void dispose() {
        underWay.dispose();
    }
}
