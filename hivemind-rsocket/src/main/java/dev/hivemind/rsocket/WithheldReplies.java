package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.scheduler.Schedulers;

/**
 * Replies that were too large for the way on which they were asked for, until the caller repeats the call on a channel.
 * They count in the node's budget; the oldest are given up first. Thread-safe.
 */
final class WithheldReplies implements Disposable {

    static final long MAX_BYTES = 64L << 20;
    static final Duration LIFETIME = Duration.ofSeconds(10);

    private final ByteBudget budget;
    private final Map<Key, Entry> entries = new LinkedHashMap<>();
    private long heldBytes;
    private boolean disposed;

    WithheldReplies(ByteBudget budget) {
        this.budget = budget;
    }

    private record Key(PeerId caller, CallId call) {}

    private record Entry(Reply reply, ByteBudget.Reservation reservation, Disposable expiry) {

        int bytes() {
            return reply.body().readableBytes();
        }

        void release() {
            expiry.dispose();
            reservation.release();
            reply.release();
        }
    }

    /** Takes over the reply, and keeps it if there is room. */
    void put(PeerId caller, CallId call, Reply reply) {
        int bytes = reply.body().readableBytes();
        ByteBudget.Reservation reservation = bytes > MAX_BYTES ? null : reserve(caller, bytes);
        if (reservation == null) {
            reply.release();
            return;
        }
        var key = new Key(caller, call);
        Disposable expiry =
                Schedulers.parallel().schedule(() -> expire(key, reply), LIFETIME.toMillis(), TimeUnit.MILLISECONDS);
        insert(key, new Entry(reply, reservation, expiry)).forEach(Entry::release);
    }

    private ByteBudget.@Nullable Reservation reserve(PeerId caller, int bytes) {
        try {
            return budget.reserve(caller, bytes);
        } catch (RpcException full) {
            return null;
        }
    }

    /** What has to make room. */
    private synchronized List<Entry> insert(Key key, Entry entry) {
        if (disposed) {
            return List.of(entry);
        }
        var evicted = new ArrayList<Entry>();
        Entry before = entries.remove(key);
        if (before != null) {
            evicted.add(remove(before));
        }
        Iterator<Entry> oldest = entries.values().iterator();
        while (heldBytes + entry.bytes() > MAX_BYTES) {
            evicted.add(remove(oldest.next()));
            oldest.remove();
        }
        entries.put(key, entry);
        heldBytes += entry.bytes();
        return evicted;
    }

    private Entry remove(Entry entry) {
        heldBytes -= entry.bytes();
        return entry;
    }

    /** The reply to this call, which passes to the receiver, or null. */
    @Nullable Reply take(PeerId caller, CallId call) {
        Entry entry = removeEntry(new Key(caller, call));
        if (entry == null) {
            return null;
        }
        entry.expiry().dispose();
        entry.reservation().release();
        return entry.reply();
    }

    /** Another reply may lie under the same key by now. */
    private void expire(Key key, Reply expired) {
        Entry entry = removeExpired(key, expired);
        if (entry != null) {
            entry.release();
        }
    }

    @SuppressWarnings("ReferenceEquality") // This very reply, whatever is equal to it.
    private synchronized @Nullable Entry removeExpired(Key key, Reply expired) {
        Entry entry = entries.get(key);
        return entry != null && entry.reply() == expired ? removeEntry(key) : null;
    }

    private synchronized @Nullable Entry removeEntry(Key key) {
        Entry entry = entries.remove(key);
        return entry == null ? null : remove(entry);
    }

    /** Releases all, and keeps no others. */
    @Override
    public void dispose() {
        removeAll().forEach(Entry::release);
    }

    private synchronized List<Entry> removeAll() {
        disposed = true;
        List<Entry> all = List.copyOf(entries.values());
        entries.clear();
        heldBytes = 0;
        return all;
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }
}
