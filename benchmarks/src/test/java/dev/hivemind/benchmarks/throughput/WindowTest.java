package dev.hivemind.benchmarks.throughput;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class WindowTest {

    private static final long SECOND = 1_000_000_000;

    private static Round round(double from, double to) {
        return new Round((long) (from * SECOND), (long) (to * SECOND), (long) (to * SECOND));
    }

    @Test
    void roundsPerSecond_ofRoundsAcrossTheEnds_countsTheirParts() {
        var window = new Window(SECOND, 5 * SECOND, List.of(List.of(round(0, 2), round(2, 4), round(4, 6))));

        assertThat(window.roundsPerSecond()).isEqualTo(0.5, Offset.offset(1e-9));
    }

    @Test
    void roundsPerSecond_ofSeveralCallers_isTheirSum() {
        var window = new Window(0, 2 * SECOND, List.of(List.of(round(0, 1), round(1, 2)), List.of(round(0, 2))));

        assertThat(window.roundsPerSecond()).isEqualTo(1.5, Offset.offset(1e-9));
    }

    @Test
    void percentile_looksAtRoundsThatEndedInTheWindow() {
        var window = new Window(
                SECOND, 9 * SECOND, List.of(List.of(round(0, 1), round(1, 2), round(2, 4), round(4, 8), round(8, 10))));

        assertThat(window.percentile(Round::forwardNanos, 0.5)).isEqualTo(2_000);
        assertThat(window.percentile(Round::forwardNanos, 0.99)).isEqualTo(4_000);
    }

    @Test
    void percentile_ofNothing_isNotANumber() {
        assertThat(new Window(0, SECOND, List.of(List.of())).percentile(Round::forwardNanos, 0.5))
                .isNaN();
    }
}
