package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.PutResult;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Stores some records at the nearest peers that take them: as many peers at once as copies are missing, nearest first,
 * until there are enough copies or no more peers. Stateless: every step works on the replies so far.
 *
 * @param request the records
 * @param replicas how many copies are wanted
 * @param send stores the records at one peer; empty if the peer did not answer
 */
record ReplicaWave(StoreRequest request, int replicas, Function<Contact, Mono<StoreReply>> send) {

    private static final Set<PutResult> KEEPS = EnumSet.of(PutResult.STORED, PutResult.STALE, PutResult.CROWDED);

    /** Emits one receipt for each record. */
    Flux<StoreReceipt> run(List<Contact> nearestFirst) {
        return next(nearestFirst, List.of()).flatMapIterable(this::receipts);
    }

    private Mono<List<StoreReply>> next(List<Contact> candidates, List<StoreReply> soFar) {
        long missing = replicas - soFar.stream().filter(ReplicaWave::isTaken).count();
        if (missing <= 0 || candidates.isEmpty()) {
            return Mono.just(soFar);
        }
        int now = (int) Math.min(missing, candidates.size());
        return Flux.fromIterable(candidates.subList(0, now))
                .flatMap(send, now)
                .collectList()
                .flatMap(replies -> next(candidates.subList(now, candidates.size()), concat(soFar, replies)));
    }

    /**
     * Whether a peer keeps any of the records. One that keeps something newer is where it ought to be, and another peer
     * would not do better; what one refuses does not spread the rest to ever more peers.
     */
    private static boolean isTaken(StoreReply reply) {
        return reply.results().stream().anyMatch(KEEPS::contains);
    }

    private static List<StoreReply> concat(List<StoreReply> left, List<StoreReply> right) {
        List<StoreReply> all = new ArrayList<>(left);
        all.addAll(right);
        return all;
    }

    private List<StoreReceipt> receipts(List<StoreReply> replies) {
        List<StoreReceipt> receipts = new ArrayList<>();
        for (int i = 0; i < request.records().size(); i++) {
            int index = i;
            receipts.add(receipt(
                    request.records().get(i),
                    replies.stream().map(reply -> reply.results().get(index)).toList()));
        }
        return receipts;
    }

    private static StoreReceipt receipt(DhtRecord record, List<PutResult> results) {
        int stored = (int) results.stream().filter(PutResult.STORED::equals).count();
        int stale = (int) results.stream().filter(PutResult.STALE::equals).count();
        int crowded = (int) results.stream().filter(PutResult.CROWDED::equals).count();
        return new StoreReceipt(record, stored, stale, crowded, results.size() - stored - stale - crowded);
    }
}
