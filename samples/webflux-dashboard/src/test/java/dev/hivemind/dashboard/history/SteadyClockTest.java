package dev.hivemind.dashboard.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class SteadyClockTest {

    private static final long MILLI = 1_000_000;

    private long day = 1_000_000;
    private long nanos = Long.MAX_VALUE - MILLI;
    private final SteadyClock clock = new SteadyClock(
            new Clock() {

                @Override
                public Instant instant() {
                    return Instant.ofEpochMilli(day);
                }

                @Override
                public ZoneId getZone() {
                    return ZoneOffset.UTC;
                }

                @Override
                public Clock withZone(ZoneId zone) {
                    return this;
                }
            },
            () -> nanos);

    private void pass(long millis) {
        day += millis;
        nanos += millis * MILLI;
    }

    @Test
    void millis_usually_isTheTimeOfDay() {
        pass(500);

        assertThat(clock.millis()).isEqualTo(1_000_500);
    }

    @Test
    void millis_ofADaySetBack_goesOn() {
        day -= 3_600_000;
        assertThat(clock.millis()).isEqualTo(1_000_000);

        pass(2_000);

        assertThat(clock.millis()).isEqualTo(1_002_000);
    }

    @Test
    void millis_ofADaySetForward_followsIt() {
        pass(10);
        day += 3_600_000;

        assertThat(clock.millis()).isEqualTo(4_600_010);
    }
}
