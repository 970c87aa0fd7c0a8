package dev.hivemind.rsocket.transport;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class AcceptLimitsTest {

    private final AcceptLimits limits = new AcceptLimits(5, 2);

    @Test
    void enter_beyondTheLimitInAll_isRefused() throws UnknownHostException {
        for (int i = 0; i < 5; i++) {
            assertThat(limits.enter(address("192.0.2." + i))).isTrue();
        }

        assertThat(limits.enter(address("192.0.2.9"))).isFalse();
        assertThat(limits.enter(address("127.0.0.1"))).isFalse();
    }

    @Test
    void enter_beyondTheLimitOfOneAddress_isRefusedThereAlone() throws UnknownHostException {
        limits.enter(address("192.0.2.1"));
        limits.enter(address("192.0.2.1"));

        assertThat(limits.enter(address("192.0.2.1"))).isFalse();
        assertThat(limits.enter(address("192.0.2.2"))).isTrue();
    }

    @Test
    void enter_fromOneNetworkOfIpv6_countsAsOneAddress() throws UnknownHostException {
        limits.enter(address("2001:db8:0:1::1"));
        limits.enter(address("2001:db8:0:1::2"));

        assertThat(limits.enter(address("2001:db8:0:1:ffff::3"))).isFalse();
        assertThat(limits.enter(address("2001:db8:0:2::1"))).isTrue();
    }

    @Test
    void enter_fromLoopback_isLimitedInAllAlone() throws UnknownHostException {
        for (int i = 0; i < 4; i++) {
            assertThat(limits.enter(address("127.0.0.1"))).isTrue();
        }
        assertThat(limits.enter(address("::1"))).isTrue();

        assertThat(limits.enter(address("::1"))).isFalse();
    }

    @Test
    void leave_makesRoomAgain() throws UnknownHostException {
        limits.enter(address("192.0.2.1"));
        limits.enter(address("192.0.2.1"));

        limits.leave(address("192.0.2.1"));

        assertThat(limits.enter(address("192.0.2.1"))).isTrue();
        assertThat(limits.enter(address("192.0.2.1"))).isFalse();
    }

    @Test
    void log_ofManyEvents_speaksOnceInAnInterval() {
        var log = new SparseLog(Duration.ofSeconds(1));
        int logged = 0;
        for (int millis = 0; millis < 3_000; millis++) {
            logged += log.warn("An event of a test", Duration.ofMillis(millis).toNanos()) ? 1 : 0;
        }

        assertThat(logged).isEqualTo(3);
    }

    private static InetAddress address(String literal) throws UnknownHostException {
        return InetAddress.getByName(literal);
    }
}
