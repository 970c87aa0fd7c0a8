package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The figures of the README at three thousand nodes. */
@Tag("scale")
class ThreeThousandNodesTest {

    private static final Logger LOG = LoggerFactory.getLogger(ThreeThousandNodesTest.class);

    @Test
    void figures_atThreeThousandNodes_stayGood() {
        SimFigures figures = SimFigures.measure(3_000, 2);

        LOG.info("3,000 nodes, 2 seeds:\n{}", figures);
        assertThat(figures.meanHops()).isLessThanOrEqualTo(3.1);
        assertThat(figures.foundAfterDeath(30)).isGreaterThanOrEqualTo(0.995);
    }
}
