package dev.hivemind.benchmarks.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PaceTest {

    private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);

    private final Pace pace = new Pace(1_000_000, 0);

    @Test
    void leaveAt_ofBytesAtOnce_takesThemOneAfterAnother() {
        assertThat(pace.leaveAt(1_000, 0)).isEqualTo(MILLI);
        assertThat(pace.leaveAt(1_000, 0)).isEqualTo(2 * MILLI);
    }

    @Test
    void leaveAt_afterALateWakeUp_makesUpForIt() {
        pace.leaveAt(1_000, 0);

        assertThat(pace.leaveAt(1_000, 3 * MILLI)).isEqualTo(2 * MILLI);
    }

    @Test
    void leaveAt_afterIdleTime_doesNotMakeUpForIt() {
        assertThat(pace.leaveAt(1_000, 1_000 * MILLI)).isEqualTo(996 * MILLI);
    }
}
