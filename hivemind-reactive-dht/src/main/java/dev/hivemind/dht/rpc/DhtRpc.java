package dev.hivemind.dht.rpc;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.error.RpcException;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Asks other nodes.
 *
 * <p>Publishers are cold. Every Mono ends within a deadline, with one value or with an {@link RpcException}. Cancellation gives
 * the call up. Signals arrive on any thread.
 */
public interface DhtRpc {

    /** Whether a peer is a node, and what time it has. */
    Mono<Answer<Pong>> ping(Contact to);

    /** What a peer knows of some ids. */
    Mono<Answer<FindReply>> find(Contact to, FindRequest request);

    /**
     * What a peer keeps at an id now, if anything, and whenever that has changed. Unlike the others it ends without
     * any value after its lifetime, or emits none for as long as the peer has nothing to tell.
     */
    Flux<DhtValue> watch(Contact to, WatchRequest request);

    /** Asks a peer to keep records. */
    Mono<Answer<StoreReply>> store(Contact to, StoreRequest request);
}
