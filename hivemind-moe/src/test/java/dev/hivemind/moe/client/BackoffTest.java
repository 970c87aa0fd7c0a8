package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class BackoffTest {

    private final String peer = "a peer";
    private final ManualClock clock = new ManualClock();
    private final Backoff<String> backoff = new Backoff<>(clock::nanoTime);

    private void pass(int seconds) {
        clock.advance(Duration.ofSeconds(seconds));
    }

    @Test
    void isBanned_afterAFailure_isTrueForFiveSeconds() {
        backoff.failed(peer);

        pass(4);
        assertThat(backoff.isBanned(peer)).isTrue();
        pass(2);
        assertThat(backoff.isBanned(peer)).isFalse();
    }

    @Test
    void remaining_ofABan_runsDownToZero() {
        assertThat(backoff.remaining(peer)).isZero();
        backoff.failed(peer);

        pass(2);
        assertThat(backoff.remaining(peer)).isEqualTo(Duration.ofSeconds(3));
        pass(4);
        assertThat(backoff.remaining(peer)).isZero();
    }

    @Test
    void failed_afterTheBanEnded_doublesIt() {
        backoff.failed(peer);
        pass(6);
        backoff.failed(peer);

        pass(9);
        assertThat(backoff.isBanned(peer)).isTrue();
        pass(2);
        assertThat(backoff.isBanned(peer)).isFalse();
    }

    @Test
    void failed_duringTheBan_doesNotLengthenIt() {
        backoff.failed(peer);
        pass(4);
        backoff.failed(peer);

        pass(2);
        assertThat(backoff.isBanned(peer)).isFalse();
    }

    @Test
    void failed_manyTimes_bansForAMinuteAtMost() {
        for (int i = 0; i < 100; i++) {
            backoff.failed(peer);
            pass(61);
        }
        backoff.failed(peer);

        pass(59);
        assertThat(backoff.isBanned(peer)).isTrue();
        pass(2);
        assertThat(backoff.isBanned(peer)).isFalse();
    }

    @Test
    void succeeded_afterFailures_startsOver() {
        backoff.failed(peer);
        pass(6);
        backoff.failed(peer);
        backoff.succeeded(peer);
        backoff.failed(peer);

        pass(6);
        assertThat(backoff.isBanned(peer)).isFalse();
    }

    @Test
    void failed_afterEarlierFailures_isNotTheFirst() {
        assertThat(backoff.failed(peer)).isTrue();
        pass(6);

        assertThat(backoff.failed(peer)).isFalse();
        assertThat(backoff.failed("another")).isTrue();
    }

    @Test
    void succeeded_withoutARecord_saysSo() {
        backoff.failed(peer);

        assertThat(backoff.succeeded(peer)).isTrue();
        assertThat(backoff.succeeded(peer)).isFalse();
        assertThat(backoff.failed(peer)).isTrue();
    }
}
