package dev.hivemind.dht;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A hash table that all peers share. Every value expires.
 *
 * <p>All publishers are cold and safe to subscribe from any thread; signals arrive on a parallel scheduler. Cancelling
 * gives up every call under way. Errors: {@link PeerUnavailableException} if there is nobody to ask,
 * {@link IllegalStateException} if the node is closed.
 */
public interface Dht {

    /** Who this node is. */
    PeerId id();

    /** Where this node listens; empty for a client-only node. */
    List<PeerAddress> addresses();

    /** The time by which this node judges what has expired. */
    Instant now();

    /** The first living value found under a key; empty if there is none. */
    Mono<DhtValue> get(DhtKey key);

    /**
     * The first value found under a key that lives at least until a moment; if there is none, the one that lives longest
     * of all peers that ought to keep it; empty if there is none at all.
     */
    Mono<DhtValue> get(DhtKey key, Instant sufficient);

    /**
     * What is found under a key, as soon as it is found: a first value, then each time that more of it or a newer one has
     * come, everything found so far; the last is what {@link #getLatest} emits. Completes when all peers that ought to keep
     * it were asked. While a value waits for demand, nobody is asked.
     */
    Flux<DhtValue> find(DhtKey key);

    /**
     * The newest values under some keys, each as soon as it is found, in any order. Keys under which nothing is stored
     * are left out. Sixty-four are looked for at once, and questions to the same peer travel together: far cheaper than as
     * many {@link #getLatest}.
     */
    Flux<FoundValue> getAll(Collection<DhtKey> keys);

    /** Like {@link #getAll(Collection)}, but content with values that live at least until a moment, as in {@link #get(DhtKey, Instant)}. */
    Flux<FoundValue> getAll(Collection<DhtKey> keys, Instant sufficient);

    /**
     * The newest value under a key now, and again whenever it has changed; ends when it is cancelled. Some of those who keep
     * it tell of changes at once; besides it is read once a period. What expires or disappears is told by what is found
     * next. Transient failures are read over.
     *
     * @param period the pause between two reads, and so how late a change is seen of which nobody tells
     */
    Flux<DhtValue> watch(DhtKey key, Duration period);

    /** Like {@link #watch}, but tells as well when nothing is stored, or nothing any more. */
    Flux<Optional<DhtValue>> observe(DhtKey key, Duration period);

    /**
     * The newest value under a key, and all subkeys, merged from all peers that ought to keep it; empty if there is
     * none. Takes longer than {@link #get}.
     */
    Mono<DhtValue> getLatest(DhtKey key);

    /**
     * A record that belongs to this node, signed: an entry of a dictionary that nobody else can write or withdraw, newer
     * than all that this node has signed before. Takes about 0.1 ms.
     *
     * @param name distinguishes the entries of this node under one key; at most
     *     {@value dev.hivemind.dht.storage.DictionaryRecord#MAX_NAME_BYTES} bytes
     * @param value empty to withdraw what was stored there before
     */
    DhtRecord own(DhtKey key, ByteString name, ByteString value, Instant expiresAt);

    /**
     * Stores a record at the peers nearest to its key, and emits how many took it as soon as enough have: further copies
     * are made afterwards, see {@link DhtNodeBuilder#acknowledgements}. Cancelling before that gives them all up.
     *
     * <p>Errors besides the common ones: {@link IllegalArgumentException} if the record has expired or would live
     * longer than the DHT allows.
     */
    Mono<StoreReceipt> store(DhtRecord record);

    /**
     * Stores records and emits a receipt for each, in any order. What goes to the same peer travels together, which is far
     * cheaper than as many {@link #store}. Errors are those of {@link #store}.
     */
    Flux<StoreReceipt> storeAll(Collection<DhtRecord> records);
}
