package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;

/** The figures of the README, of one and of three thousand nodes. */
@Tag("scale")
class LargeSwarmsTest {

    @Test
    void figures_atOneThousandNodes_stayGood(TestReporter reporter) {
        SimFigures figures = SimFigures.measure(1_000, 5);

        reporter.publishEntry("1,000 nodes, 5 seeds", "\n" + figures);
        assertThat(figures.meanHops()).isLessThanOrEqualTo(2.8);
        assertThat(figures.foundAfterDeath(30)).isGreaterThanOrEqualTo(0.998);
    }

    @Test
    void figures_atThreeThousandNodes_stayGood(TestReporter reporter) {
        SimFigures figures = SimFigures.measure(3_000, 2);

        reporter.publishEntry("3,000 nodes, 2 seeds", "\n" + figures);
        assertThat(figures.meanHops()).isLessThanOrEqualTo(3.1);
        assertThat(figures.foundAfterDeath(30)).isGreaterThanOrEqualTo(0.995);
    }
}
