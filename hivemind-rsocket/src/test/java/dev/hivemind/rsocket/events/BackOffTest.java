package dev.hivemind.rsocket.events;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BackOffTest {

    private final AtomicLong millis = new AtomicLong(1_000);
    private final BackOff backOff = new BackOff(Duration.ofMillis(500), Duration.ofSeconds(30), millis::get);

    private void assertPause(long most) {
        assertThat(backOff.pause().toMillis()).isBetween(most / 2, most);
    }

    private void succeedFor(Duration time) {
        backOff.succeeded();
        millis.addAndGet(time.toMillis());
    }

    @Test
    void failed_inARow_isToldOnceAndDoublesThePause() {
        assertThat(backOff.failed()).isTrue();
        assertPause(500);
        assertThat(backOff.failed()).isFalse();
        assertPause(1_000);
        for (int failure = 0; failure < 100; failure++) {
            assertThat(backOff.failed()).isFalse();
        }
        assertPause(30_000);
    }

    @Test
    void failed_afterSuccessesThatEndAtOnce_goesOnWithTheRow() {
        backOff.failed();
        for (long pause = 1_000; pause <= 16_000; pause *= 2) {
            succeedFor(Duration.ofSeconds(1));
            assertThat(backOff.failed()).isFalse();
            assertPause(pause);
        }
    }

    @Test
    void failed_afterASuccessThatLasted_beginsAnew() {
        backOff.failed();
        backOff.failed();
        succeedFor(Duration.ofSeconds(30));

        assertThat(backOff.failed()).isTrue();
        assertPause(500);
    }
}
