package dev.hivemind.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import org.junit.jupiter.api.Test;

class ManualClockTest {

    private final ManualClock clock = new ManualClock();
    private final Instant start = clock.instant();
    private final long startNanos = clock.nanoTime();

    @Test
    void instant_untilTheClockIsAdvanced_stands() {
        assertThat(clock.instant()).isEqualTo(start);
        assertThat(clock.nanoTime()).isEqualTo(startNanos);
    }

    @Test
    void advance_movesBothTimesByTheStep() {
        clock.advance(Duration.ofMillis(1_500));

        assertThat(Duration.between(start, clock.instant())).isEqualTo(Duration.ofMillis(1_500));
        assertThat(clock.nanoTime() - startNanos).isEqualTo(1_500_000_000);
    }

    @Test
    void advance_byTwoSeconds_makesNanoTimeOverflow() {
        clock.advance(Duration.ofSeconds(2));

        assertThat(clock.nanoTime()).isLessThan(startNanos);
    }

    @Test
    void advance_backwards_isRefused() {
        assertThatThrownBy(() -> clock.advance(Duration.ofNanos(-1))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void withZone_movesWithTheClock() {
        Clock tokyo = clock.withZone(ZoneId.of("Asia/Tokyo"));

        clock.advance(Duration.ofHours(1));

        assertThat(tokyo.instant()).isEqualTo(start.plusSeconds(3_600));
        assertThat(tokyo.getZone()).isEqualTo(ZoneId.of("Asia/Tokyo"));
    }
}
