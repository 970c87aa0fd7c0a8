package dev.hivemind.rsocket;

import java.time.Duration;

/** What connections share, for tests that make none. */
final class TestCalls {

    private TestCalls() {}

    /** Serves nothing, and has no room for large bodies. */
    static NodeCalls none() {
        var budget = new ByteBudget(1);
        return new NodeCalls(
                new HandlerRegistry(new ResultCache(1, 1), CallMeters.of(null)),
                new SubscriptionRegistry(),
                new PayloadCodec(),
                budget,
                new WithheldReplies(budget),
                ConnectionLimits.DEFAULT,
                Duration.ofSeconds(1));
    }
}
