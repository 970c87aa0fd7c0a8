package dev.hivemind.dht.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CallRatesTest {

    private final AtomicLong now = new AtomicLong();
    private final CallRates rates = new CallRates(10, 20, now::get);
    private final NodeId flooding = NodeId.of(PeerIdentity.generate().id());

    private void pass(Duration duration) {
        now.addAndGet(duration.toNanos());
    }

    @Test
    void take_withinTheBurst_isFree() {
        assertThat(rates.take(flooding, 20)).isZero();
    }

    @Test
    void take_beyondTheBurst_tellsHowLongToWait() {
        rates.take(flooding, 20);

        Duration wait = rates.take(flooding, 5);
        assertThat(wait).isEqualTo(Duration.ofMillis(500));
        pass(wait);

        assertThat(rates.take(flooding, 5)).isZero();
    }

    @Test
    void take_byAnother_isNotHarmed() {
        rates.take(flooding, 20);

        assertThat(rates.take(NodeId.of(PeerIdentity.generate().id()), 20)).isZero();
    }

    @Test
    void take_afterALongSilence_savesUpNoMoreThanTheBurst() {
        rates.take(flooding, 20);
        pass(Duration.ofHours(1));

        assertThat(rates.take(flooding, 20)).isZero();
        assertThat(rates.take(flooding, 1)).isPositive();
    }
}
