package dev.hivemind.dht;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.lookup.LookupRequest;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DictionaryRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Spreads what is asked for often. Whoever finds a value tells the nearest peer on the way that had none, so that many who
 * ask do not all come to the few that keep it. A peer believes nothing of what it is told but that the key is asked for: it
 * reads the value itself, from all who keep it, and so nobody can make it answer with less than there is. Only dictionaries
 * whose entries are all signed are copied: of anything else, peers that ought not to keep it would spread forgeries.
 * Confined to the node's loop.
 */
final class PathCache implements Disposable {

    private static final Logger LOG = LoggerFactory.getLogger(PathCache.class);

    /** How long a copy lives at a peer that nearly ought to keep the value; half as long for each bucket of peers nearer. */
    private static final Duration LIFETIME = Duration.ofMinutes(1);

    /** With more buckets of peers nearer, a copy would not live long enough to be worth the reading. */
    private static final int MAX_AWAY = 2;

    /** How long before its end a copy that is in use is made anew. */
    private static final Duration AHEAD = Duration.ofSeconds(10);

    private static final int MAX_HINTS = 16;
    private static final int MAX_RENEWALS = 16;

    /** How many values are read at once because others said that they are asked for. */
    private static final int MAX_READS = 4;

    /** How many values are read in a minute because others said so: each takes a search, and a hint costs them nothing. */
    private static final int MAX_READS_A_MINUTE = 60;

    private static final Duration MINUTE = Duration.ofMinutes(1);

    /** For how long this node gives no other hint of the same key, and of how many it remembers that. */
    private static final Duration HINT_PAUSE = Duration.ofSeconds(10);

    private static final int MAX_HINTED = 1_024;

    private final NodeParts node;
    private final Disposable.Composite hints = Disposables.composite();
    private final Disposable.Composite reads = Disposables.composite();
    private final Set<NodeId> beingRead = ConcurrentHashMap.newKeySet();
    private final Map<NodeId, Instant> hinted = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<NodeId, Instant> eldest) {
            return size() > MAX_HINTED;
        }
    };
    private Instant minuteEnds = Instant.MIN;
    private int readsThisMinute;

    PathCache(NodeParts node) {
        this.node = node;
    }

    /** Others say that a record is asked for. Whether this node makes itself a copy of what lies under its key. */
    boolean hint(DhtRecord record) {
        NodeId target = record.key().target();
        if (record.body().owned() == null
                || node.peers().table().isAmongNearest(target, node.config().replicas())
                || away(target) > MAX_AWAY
                || node.known(target) != null
                || reads.size() >= MAX_READS
                || reads.isDisposed()
                || beingRead.contains(target)
                || !mayRead()) {
            return false;
        }
        beingRead.add(target);
        Disposable.Swap slot = Disposables.swap();
        reads.add(slot);
        slot.update(read(record.key())
                .doFinally(ended -> {
                    beingRead.remove(target);
                    reads.remove(slot);
                })
                .subscribe(done -> {}, error -> LOG.debug("No copy was made: {}", error.getMessage())));
        return true;
    }

    private boolean mayRead() {
        Instant now = node.lifetimes().now();
        if (!now.isBefore(minuteEnds)) {
            minuteEnds = now.plus(MINUTE);
            readsThisMinute = 0;
        }
        return ++readsThisMinute <= MAX_READS_A_MINUTE;
    }

    /** Tells the nearest peer that had nothing of what was found. */
    void found(DhtKey key, LookupResult result) {
        Contact without = result.nearestWithout();
        if (without == null
                || !(result.value() instanceof DictionaryRecord dictionary)
                || !isOwned(dictionary)
                || hints.size() >= MAX_HINTS
                || hints.isDisposed()
                || !mayHint(result.target())) {
            return;
        }
        ByteString first = dictionary.entries().firstKey();
        give(
                without,
                new DhtRecord(key, first, requireNonNull(dictionary.entries().get(first))));
    }

    private boolean mayHint(NodeId target) {
        Instant now = node.lifetimes().now();
        Instant pauseEnds = hinted.get(target);
        if (pauseEnds != null && now.isBefore(pauseEnds)) {
            return false;
        }
        hinted.remove(target);
        hinted.put(target, now.plus(HINT_PAUSE));
        return true;
    }

    private static boolean isOwned(DictionaryRecord dictionary) {
        return dictionary.entries().values().stream().allMatch(record -> record.owned() != null);
    }

    private void give(Contact peer, DhtRecord record) {
        Disposable.Swap slot = Disposables.swap();
        hints.add(slot);
        slot.update(node.rpc()
                .store(peer, new StoreRequest(List.of(record), true))
                .doFinally(ended -> hints.remove(slot))
                .subscribe(stored -> {}, error -> LOG.debug("{} was given no hint: {}", peer, error.getMessage())));
    }

    /** Reads anew what was copied here, is in use, and would be forgotten soon. */
    Mono<Void> renew() {
        return node.loop()
                .call(() -> node.cache().usedUntil(node.lifetimes().now().plus(AHEAD), MAX_RENEWALS))
                .flatMapMany(Flux::fromIterable)
                .concatMap(this::read, 1)
                .then();
    }

    /** Copies what all who keep a key have there together: no other copy is good enough. */
    private Mono<Void> read(DhtKey key) {
        var request = LookupRequest.ofValue(key.target(), node.config().bucketSize(), Instant.MAX, null);
        return node.look(request)
                .flatMap(result -> node.loop().call(() -> {
                    if (result.value() instanceof DictionaryRecord dictionary && isOwned(dictionary)) {
                        node.cache().put(key, dictionary, end(key.target()));
                    }
                    return key;
                }))
                .then();
    }

    private Instant end(NodeId target) {
        return node.lifetimes().now().plus(LIFETIME.dividedBy(1L << Math.min(away(target), MAX_AWAY)));
    }

    /** How many buckets of peers lie nearer. */
    private int away(NodeId target) {
        return node.peers().table().countNearer(target) / node.config().bucketSize();
    }

    @Override
    public void dispose() {
        hints.dispose();
        reads.dispose();
    }
}
