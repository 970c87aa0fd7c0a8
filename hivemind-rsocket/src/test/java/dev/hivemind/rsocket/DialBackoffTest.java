package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.DialBackoff.Target;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import reactor.test.scheduler.VirtualTimeScheduler;

class DialBackoffTest {

    private static final Target TARGET = target(1);

    private final VirtualTimeScheduler clock = VirtualTimeScheduler.create();
    private final DialBackoff backoff = new DialBackoff(clock, new SplittableRandom(11));

    @Test
    void refusal_ofAnUnknownTarget_isNone() {
        assertThat(backoff.refusal(TARGET)).isNull();
    }

    @Test
    void refusal_afterFailures_lastsAtMostTheDoublingBound() {
        long bound = 100;
        for (int failure = 1; failure <= 12; failure++) {
            backoff.failed(TARGET);
            clock.advanceTimeBy(Duration.ofMillis(bound));
            assertThat(backoff.refusal(TARGET)).as("failure %d", failure).isNull();
            bound = Math.min(2 * bound, 10_000);
        }
    }

    @Test
    void refusal_afterManyFailures_isDrawnFromTheWholeRange() {
        int below = 0;
        for (int i = 0; i < 200; i++) {
            backoff.failed(target(2));
            clock.advanceTimeBy(Duration.ofSeconds(5));
            below += backoff.refusal(target(2)) == null ? 1 : 0;
            clock.advanceTimeBy(Duration.ofSeconds(5));
        }

        assertThat(below).isBetween(70, 130);
    }

    @Test
    void refusal_tellsWhenTheNextAttemptIsAllowed() {
        for (int i = 0; i < 10; i++) {
            backoff.failed(TARGET);
        }

        assertThat(backoff.refusal(TARGET)).hasMessageMatching(".* 10 times in a row; next attempt in \\d+ ms");
    }

    @Test
    void refusal_afterASuccess_isNone() {
        for (int i = 0; i < 10; i++) {
            backoff.failed(TARGET);
        }

        backoff.succeeded(TARGET);

        assertThat(backoff.refusal(TARGET)).isNull();
    }

    @Test
    void failures_ofManyTargets_areRememberedWithinABound() {
        for (int port = 1; port <= 5_000; port++) {
            backoff.failed(target(port));
        }

        assertThat(backoff.size()).isEqualTo(1_024);
    }

    private static Target target(int port) {
        return new Target(PeerIdentity.fromSeed(new byte[32]).id(), List.of(new PeerAddress("192.0.2.1", port)));
    }
}
