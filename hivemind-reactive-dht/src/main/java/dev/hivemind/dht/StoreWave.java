package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * Stores the records of some keys. What goes to the same peer travels together. Each record is acknowledged as soon as
 * enough peers took it; the rest goes on until all copies are made. Confined to the node's loop, besides
 * {@link #dispose()}, which gives up every call under way.
 */
final class StoreWave implements Disposable {

    /** How many peers are sent records at once, those not counted that are slow. */
    private static final int MAX_CALLS = 32;

    /** Those that are slow counted as well. */
    private static final int MAX_UNANSWERED = 4 * MAX_CALLS;

    /** A store may have to connect first, which takes as long as a search among peers that are connected. */
    private static final int SOFT_TIMEOUTS = 2;

    private final List<Placement> placements;
    private final int acknowledgements;
    private final Duration patience;
    private final NodeLoop loop;
    private final Peers peers;
    private final Listener listener;

    /** What waits for each peer. */
    private final Map<Contact, Deque<Placement>> waiting = new LinkedHashMap<>();

    private final Disposable.Composite calls = Disposables.composite();
    private int unacknowledged;
    private int unsettled;
    private int inFlight;
    private int slowCalls;
    private boolean isAnybodyThere;
    private volatile boolean isAcknowledged;

    /** Those who may keep records. Signals come on any thread. */
    interface Peers {

        /** Stores records at one peer; empty if it did not answer. */
        Mono<StoreReply> store(Contact at, StoreRequest request);

        /** Those who may keep a record and all answered a moment ago, nearest first; empty or an error if there are none. */
        Mono<List<Contact>> search(DhtKey key);
    }

    /** Hears what becomes of a wave, on the node's loop. */
    interface Listener extends Consumer<StoreReceipt> {

        /** Every record has its receipt. */
        void acknowledged();

        /** Nothing is left to do. */
        void settled();
    }

    /**
     * @param acknowledgements copies after which a record is acknowledged
     * @param softTimeout of a search; a peer that is silent for twice as long is slow, and another is sent the records as
     *     well. While nobody has answered at all, it may be the own link that is slow, and each has twice that time.
     */
    StoreWave(
            List<Placement> placements,
            int acknowledgements,
            Duration softTimeout,
            NodeLoop loop,
            Peers peers,
            Listener listener) {
        this.placements = List.copyOf(placements);
        this.acknowledgements = acknowledgements;
        this.patience = softTimeout.multipliedBy(SOFT_TIMEOUTS);
        this.loop = loop;
        this.peers = peers;
        this.listener = listener;
        this.unacknowledged = this.placements.size();
        this.unsettled = this.placements.size();
    }

    /** Begins; called once, on the loop. */
    void start() {
        placements.forEach(this::advance);
        sendWaiting();
    }

    private void advance(Placement placement) {
        for (Contact to = placement.next(); to != null; to = placement.next()) {
            waiting.computeIfAbsent(to, any -> new ArrayDeque<>()).add(placement);
        }
        if (placement.beginsSearch()) {
            searchFor(placement);
        }
        if (placement.acknowledges(acknowledgements)) {
            acknowledge(placement);
        }
        if (placement.isSettled() && --unsettled == 0) {
            listener.settled();
        }
    }

    private void searchFor(Placement placement) {
        Disposable.Swap search = Disposables.swap();
        calls.add(search);
        search.update(peers.search(placement.key())
                .defaultIfEmpty(List.of())
                .subscribe(
                        found -> loop.execute(() -> found(placement, found, search)),
                        error -> loop.execute(() -> found(placement, List.of(), search))));
    }

    private void found(Placement placement, List<Contact> found, Disposable search) {
        if (!calls.isDisposed()) {
            calls.remove(search);
            placement.found(found);
            advance(placement);
            sendWaiting();
        }
    }

    private void acknowledge(Placement placement) {
        unacknowledged--;
        isAcknowledged = unacknowledged == 0;
        placement.receipts().forEach(listener);
        if (unacknowledged == 0) {
            listener.acknowledged();
        }
    }

    /**
     * Whether the last receipts are there or on their way: whoever gives up now has got what it asked for. Safe to call from
     * any thread.
     */
    boolean isAcknowledged() {
        return isAcknowledged;
    }

    private void sendWaiting() {
        while (hasRoom() && !waiting.isEmpty() && !calls.isDisposed()) {
            Map.Entry<Contact, Deque<Placement>> next =
                    waiting.entrySet().iterator().next();
            List<Placement> parcel = parcel(next.getValue());
            if (next.getValue().isEmpty()) {
                waiting.remove(next.getKey());
            }
            send(next.getKey(), parcel);
        }
    }

    private boolean hasRoom() {
        return inFlight < MAX_CALLS && inFlight + slowCalls < MAX_UNANSWERED;
    }

    /** As many as fit into one request. */
    private static List<Placement> parcel(Deque<Placement> queue) {
        List<Placement> parcel = new ArrayList<>();
        int records = 0;
        int bytes = 0;
        Placement next = queue.peek();
        while (next != null && (parcel.isEmpty() || fits(records, bytes, next))) {
            parcel.add(queue.remove());
            records += next.records().size();
            bytes += next.sizeBytes();
            next = queue.peek();
        }
        return parcel;
    }

    private static boolean fits(int records, int bytes, Placement next) {
        return records + next.records().size() <= StoreRequest.MAX_RECORDS
                && bytes + next.sizeBytes() <= Batches.MAX_BYTES;
    }

    private void send(Contact to, List<Placement> parcel) {
        List<DhtRecord> records = new ArrayList<>();
        parcel.forEach(placement -> records.addAll(placement.records()));
        new Call(to, parcel).await(peers.store(to, new StoreRequest(records)));
    }

    @Override
    public void dispose() {
        calls.dispose();
    }

    @Override
    public boolean isDisposed() {
        return calls.isDisposed();
    }

    /** One peer that is sent some records. */
    private final class Call {

        private final Contact to;
        private final List<Placement> parcel;
        private final Disposable.Composite parts = Disposables.composite();
        private final Disposable.Swap timer = Disposables.swap();
        private boolean slow;

        Call(Contact to, List<Placement> parcel) {
            this.to = to;
            this.parcel = parcel;
        }

        void await(Mono<StoreReply> reply) {
            inFlight++;
            calls.add(parts);
            parts.add(timer);
            timer.update(loop.after(patience, this::late));
            parts.add(reply.map(Optional::of)
                    .defaultIfEmpty(Optional.empty())
                    .subscribe(
                            stored -> loop.execute(() -> ended(stored.orElse(null))),
                            error -> loop.execute(() -> ended(null))));
        }

        private void late() {
            if (isAnybodyThere) {
                slow();
            } else {
                timer.update(loop.after(patience, this::slow));
            }
        }

        /** The peer does not hold others up any longer, but may still answer. */
        private void slow() {
            if (!calls.isDisposed()) {
                slow = true;
                inFlight--;
                slowCalls++;
                parcel.forEach(Placement::slow);
                advance();
            }
        }

        private void ended(@Nullable StoreReply reply) {
            if (calls.isDisposed()) {
                return;
            }
            calls.remove(parts);
            parts.dispose();
            if (slow) {
                slowCalls--;
            } else {
                inFlight--;
            }
            // A node has no addresses of its own, and its answer says nothing of the link.
            isAnybodyThere |= reply != null && !to.isClientOnly();
            tell(reply);
            advance();
        }

        private void tell(@Nullable StoreReply reply) {
            int from = 0;
            for (Placement placement : parcel) {
                int to = from + placement.records().size();
                if (reply == null) {
                    placement.unanswered(slow);
                } else {
                    placement.answered(reply.results().subList(from, to), slow);
                }
                from = to;
            }
        }

        private void advance() {
            parcel.forEach(StoreWave.this::advance);
            sendWaiting();
        }
    }
}
