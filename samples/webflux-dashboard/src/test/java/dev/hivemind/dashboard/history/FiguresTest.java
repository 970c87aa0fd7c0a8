package dev.hivemind.dashboard.history;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FiguresTest {

    @Test
    void rounded_numbers_keepFourDigits() {
        assertThat(Figures.rounded(0.00012345678)).isEqualTo(0.0001235);
        assertThat(Figures.rounded(-1.23456)).isEqualTo(-1.235);
        assertThat(Figures.rounded(98_765.4)).isEqualTo(98_765);
        assertThat(Figures.rounded(Double.MIN_VALUE)).isZero();
        assertThat(Figures.rounded(Double.MAX_VALUE)).isEqualTo(Double.MAX_VALUE);
    }

    @Test
    void told_whatIsNoNumber_isUnknown() {
        assertThat(Figures.told(Double.NaN)).isNull();
        assertThat(Figures.told(Double.POSITIVE_INFINITY)).isNull();
        assertThat(Figures.told(2)).isEqualTo(2);
    }

    @Test
    void count_ofStrangers_isNotNegativeAndExactInABrowser() {
        assertThat(Figures.count(-1)).isZero();
        assertThat(Figures.count(Long.MAX_VALUE)).isEqualTo(1L << 53);
    }
}
