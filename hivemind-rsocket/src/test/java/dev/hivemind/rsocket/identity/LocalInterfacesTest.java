package dev.hivemind.rsocket.identity;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LocalInterfacesTest {

    @Test
    void literals_ofMixedAddresses_putsIpv4FirstAndLoopbackLast() throws UnknownHostException {
        Stream<InetAddress> addresses =
                Stream.of(at("::1"), at("127.0.0.1"), at("2001:db8::1"), at("fe80::1"), at("192.0.2.1"));

        assertThat(LocalInterfaces.literals(addresses))
                .containsExactly("192.0.2.1", "2001:db8:0:0:0:0:0:1", "127.0.0.1", "0:0:0:0:0:0:0:1");
    }

    @Test
    void literals_ofAnAddressWithZone_stripsTheZone() throws UnknownHostException {
        InetAddress zoned = Inet6Address.getByAddress("host", at("2001:db8::1").getAddress(), 7);

        assertThat(LocalInterfaces.literals(Stream.of(zoned))).containsExactly("2001:db8:0:0:0:0:0:1");
    }

    private static InetAddress at(String literal) throws UnknownHostException {
        return InetAddress.getByName(literal);
    }
}
