package dev.hivemind.moe.client;

import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;

/** Where calls go, and what they need on the way. */
record CallRoute(Owners owners, ExpertCalls calls, Transport transport) {

    /**
     * Calls that go one by one.
     *
     * @param asked is told of every owner that is asked
     */
    static CallRoute ofSingleCalls(Owners owners, ExpertCalls calls, Consumer<PeerId> asked) {
        return new CallRoute(
                owners,
                calls,
                (request, turn) ->
                        owners.call(turn, request, asked, connection -> UnderstoodRequest.send(connection, request)));
    }

    /**
     * Calls that go over the client's long-lived streams.
     *
     * @param asked is told of every owner that is asked
     */
    static CallRoute ofStreams(Owners owners, ExpertCalls calls, Consumer<PeerId> asked) {
        return new CallRoute(
                owners,
                calls,
                (request, turn) -> owners.call(
                        turn, request, asked, connection -> calls.channels().send(connection, owners.uid(), request)));
    }

    /** Sends a request as often as it is asked to, and emits the reply, which the receiver owns. */
    @FunctionalInterface
    interface Transport {

        /**
         * Asks an owner.
         *
         * @param turn which of several
         */
        Mono<Reply> send(PendingRequest request, int turn);
    }
}
