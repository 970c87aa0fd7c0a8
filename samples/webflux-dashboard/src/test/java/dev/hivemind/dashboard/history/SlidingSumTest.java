package dev.hivemind.dashboard.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SlidingSumTest {

    private static final int SECONDS = 5;

    private record Added(long at, long value) {}

    @Test
    void sum_ofRandomTimes_isThatOfANaiveOne() {
        var random = new SplittableRandom(7);
        var sum = new SlidingSum(SECONDS);
        List<Added> all = new ArrayList<>();
        long now = 1_700_000_000_123L;
        for (int i = 0; i < 2_000; i++) {
            now += random.nextLong(random.nextInt(20) == 0 ? 9_000 : 700);
            long value = random.nextLong(100);
            sum.add(now, value);
            all.add(new Added(now, value));
            long oldest = now / 1_000 - SECONDS + 1;
            double expected = all.stream()
                    .filter(added -> added.at() / 1_000 >= oldest)
                    .mapToDouble(Added::value)
                    .sum();

            assertThat(sum.sum(now)).isEqualTo(expected);
        }
    }

    @Test
    void perSecond_ofASteadyRate_isTheRate() {
        var sum = new SlidingSum(SECONDS);
        for (long now = 0; now < 20_000; now += 100) {
            sum.add(now, 3);
        }

        assertThat(sum.perSecond(19_999)).isEqualTo(30);
        assertThat(sum.perSecond(60_000)).isZero();
    }
}
