package dev.hivemind.dht;

import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtValue;
import java.time.Instant;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;

/**
 * Searches under way: whoever asks for the same meanwhile waits for the same answer. A search is given up when the last
 * who waits for it gives up. Thread-safe; holds no more than there are searches.
 */
final class SharedFinds {

    private final ConcurrentMap<Question, Mono<DhtValue>> underWay = new ConcurrentHashMap<>();

    /** The answer to a search that is under way, or to a new one. */
    Mono<DhtValue> find(NodeId target, Instant sufficient, Supplier<Mono<DhtValue>> search) {
        Question question = new Question(target, sufficient);
        return Mono.defer(() -> underWay.computeIfAbsent(question, asked -> share(asked, search)));
    }

    private Mono<DhtValue> share(Question question, Supplier<Mono<DhtValue>> search) {
        return Mono.defer(search)
                .doFinally(ended -> underWay.remove(question))
                .flux()
                .replay(1)
                .refCount()
                .singleOrEmpty();
    }

    /** Whoever asks from now on waits for no answer to the search that is under way. */
    void leave(NodeId target, Instant sufficient) {
        underWay.remove(new Question(target, sufficient));
    }

    /** How many searches are under way. */
    int size() {
        return underWay.size();
    }

    private record Question(NodeId target, Instant sufficient) {}
}
