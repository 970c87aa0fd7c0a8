package dev.hivemind.dht.rpc;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.storage.DhtValue;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Answers other nodes. Requests are well-formed and within all bounds when they arrive here; the caller's id is proven,
 * and its addresses are empty if it serves nobody. Called on any thread.
 */
public interface DhtHandler {

    /** Answers {@link DhtRpc#ping}. */
    Mono<Pong> ping(Contact caller);

    /** Answers {@link DhtRpc#find}, with one result for each target. */
    Mono<FindReply> find(Contact caller, FindRequest request);

    /** Answers {@link DhtRpc#watch}; no more than the last value waits for demand. */
    Flux<DhtValue> watch(Contact caller, WatchRequest request);

    /** Answers {@link DhtRpc#store}, with one result for each record. */
    Mono<StoreReply> store(Contact caller, StoreRequest request);
}
