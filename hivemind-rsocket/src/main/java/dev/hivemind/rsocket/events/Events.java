package dev.hivemind.rsocket.events;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.EventsRequestMessage;
import dev.hivemind.rsocket.frame.Operation;
import reactor.core.publisher.Flux;

/** Events of other nodes. */
public final class Events {

    private static final int MAX_EVENT_BYTES = 16 * 1024;

    private Events() {}

    /**
     * The events of a peer from the moment of subscription on, until this is cancelled or the connection closes. Who
     * falls behind misses events, and finds their number in the next.
     *
     * <p>Thread: signals arrive on an event loop. Errors: {@link RpcException}s.
     */
    public static Flux<EventMessage> of(PeerConnection peer) {
        return Flux.using(
                () -> Request.ofSubscription(Operation.EVENTS, "", EventsRequestMessage.getDefaultInstance()),
                request -> peer.subscribe(request).map(Events::read),
                Request::release);
    }

    private static EventMessage read(Reply reply) {
        try {
            return reply.message(EventMessage.parser(), MAX_EVENT_BYTES);
        } finally {
            reply.release();
        }
    }
}
