package dev.hivemind.benchmarks.harness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SeriesTest {

    @Test
    void median_ofOddCount_isTheMiddleOne() {
        assertThat(Series.of(5, 1, 9).median()).isEqualTo(5);
    }

    @Test
    void median_ofEvenCount_isTheMeanOfTheMiddleTwo() {
        assertThat(Series.of(4, 1, 9, 2).median()).isEqualTo(3);
    }

    @Test
    void over_anotherSeries_dividesTurnByTurn() {
        Series ratios = Series.of(2, 9, 4).over(Series.of(1, 3, 4));

        assertThat(ratios.min()).isEqualTo(1);
        assertThat(ratios.median()).isEqualTo(2);
        assertThat(ratios.max()).isEqualTo(3);
    }

    @Test
    void over_aSeriesOfOtherLength_isRefused() {
        assertThatThrownBy(() -> Series.of(1, 2).over(Series.of(1))).isInstanceOf(IllegalArgumentException.class);
    }
}
