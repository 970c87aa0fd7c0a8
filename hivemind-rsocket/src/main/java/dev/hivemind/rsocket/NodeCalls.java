package dev.hivemind.rsocket;

import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import reactor.core.Disposable;

/**
 * What all connections of a node share to make and serve calls.
 *
 * @param handlers who serves which operation
 * @param subscriptions who serves the subscriptions of which operation
 * @param codec payloads of calls
 * @param budget what large bodies are charged to, in both directions
 * @param withheld replies that callers have to ask for again
 * @param limits what each connection may have us hold and do
 * @param stallTimeout within which a sender has to go on with a body
 */
record NodeCalls(
        HandlerRegistry handlers,
        SubscriptionRegistry subscriptions,
        PayloadCodec codec,
        ByteBudget budget,
        WithheldReplies withheld,
        ConnectionLimits limits,
        Duration stallTimeout)
        implements Disposable {

    static NodeCalls of(HandlerRegistry handlers, PeerNodeConfig config) {
        var budget = new ByteBudget(config.inboundBudget());
        return new NodeCalls(
                handlers,
                new SubscriptionRegistry(),
                new PayloadCodec(),
                budget,
                new WithheldReplies(budget),
                config.limits(),
                config.stallTimeout());
    }

    /** What bounds the bodies that this peer sends. */
    BodyIntake.Limits limits(PeerId peer) {
        return new BodyIntake.Limits(budget, peer, stallTimeout);
    }

    /** Lets go of what is kept for callers. */
    @Override
    public void dispose() {
        withheld.dispose();
    }
}
