package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestReporter;

/** The promises of the README, on simulated networks of a thousand nodes with a round trip of about 85 ms. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SimulatedFiguresTest {

    /** Where blocking calls are looked for, one swarm shows them all. */
    private static final int SEEDS = Boolean.getBoolean("hivemind.blockhound") ? 1 : 5;

    private SimFigures figures = new SimFigures();

    @BeforeAll
    void measure(TestReporter reporter) {
        figures = SimFigures.measure(1_000, SEEDS);
        reporter.publishEntry("1,000 nodes, %d seeds".formatted(SEEDS), "\n" + figures);
    }

    @Test
    void findNearest_takesFewHopsAndMessages() {
        assertThat(figures.meanHops()).isLessThanOrEqualTo(2.8);
        assertThat(figures.meanFindMessages()).isLessThanOrEqualTo(25);
        assertThat(figures.meanNearestFound()).isGreaterThanOrEqualTo(0.999);
    }

    @Test
    void get_takesFewMessagesAndLittleTime() {
        assertThat(figures.meanGetMessages()).isLessThanOrEqualTo(8.5);
        assertThat(figures.getMillis(50)).isLessThanOrEqualTo(220);
        assertThat(figures.getMillis(95)).isLessThanOrEqualTo(350);
    }

    @Test
    void findNearest_amongDeadNodes_isNotHeldUp() {
        assertThat(figures.findMillisAmongDead(50)).isLessThanOrEqualTo(1_700);
    }

    @Test
    void get_afterManyDiedAtOnce_succeeds() {
        assertThat(figures.foundAfterDeath(10)).isGreaterThanOrEqualTo(0.999);
        assertThat(figures.foundAfterDeath(30)).isGreaterThanOrEqualTo(0.998);
        assertThat(figures.foundAfterDeath(50)).isGreaterThanOrEqualTo(0.99);
    }

    @Test
    void get_aMinuteAfterAPartition_findsWhatTheOtherHalfStored() {
        assertThat(figures.foundAfterHealing()).isGreaterThanOrEqualTo(0.99);
    }
}
