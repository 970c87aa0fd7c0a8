package dev.hivemind.benchmarks.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class TallyTest {

    @Test
    void megabytesPerSecond_countsDecimalMegabytes() {
        assertThat(Tally.of(3, 1_000_000_000).megabytesPerSecond(2_000_000)).isEqualTo(6);
    }

    @Test
    void latencyMicros_isTheLeastThatTheFractionDoesNotExceed() {
        long[] latencies = LongStream.rangeClosed(1, 100).map(i -> i * 1_000).toArray();
        var tally = new Tally(100, 1, latencies);

        assertThat(tally.latencyMicros(0.5)).isEqualTo(50);
        assertThat(tally.latencyMicros(0.99)).isEqualTo(99);
        assertThat(tally.latencyMicros(1)).isEqualTo(100);
    }
}
