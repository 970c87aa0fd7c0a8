package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class BackoffTest {

    private final ManualClock clock = new ManualClock();
    private final Backoff<String> backoff = new Backoff<>(clock::nanoTime);

    @Test
    void failed_forTheFirstTime_bansForFiveSecondsAndSaysSo() {
        assertThat(backoff.failed("a")).isTrue();

        clock.advance(Duration.ofSeconds(5).minusNanos(1));
        assertThat(backoff.isBanned("a")).isTrue();
        clock.advance(Duration.ofNanos(1));
        assertThat(backoff.isBanned("a")).isFalse();
    }

    @Test
    void failed_again_bansForLongerAndDoesNotSaySo() {
        backoff.failed("a");
        clock.advance(Duration.ofSeconds(5));

        assertThat(backoff.failed("a")).isFalse();
        clock.advance(Duration.ofSeconds(9));
        assertThat(backoff.isBanned("a")).isTrue();
        clock.advance(Duration.ofSeconds(1));
        assertThat(backoff.isBanned("a")).isFalse();
    }

    @Test
    void succeeded_afterAFailure_clearsTheRecord() {
        backoff.failed("a");

        assertThat(backoff.succeeded("a")).isTrue();
        assertThat(backoff.succeeded("a")).isFalse();
        assertThat(backoff.isBanned("a")).isFalse();
        assertThat(backoff.failed("a")).isTrue();
    }
}
