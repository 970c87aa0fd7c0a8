package dev.hivemind.rsocket.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PeerAddressTest {

    @ParameterizedTest
    @CsvSource({
        "localhost:1338, localhost, 1338",
        "12.34.56.78:1, 12.34.56.78, 1",
        "[::1]:65535, ::1, 65535",
        "[fe80::1%eth0]:80, fe80::1%eth0, 80",
        "my-node.example.org:0, my-node.example.org, 0"
    })
    void parse_ofAnAddress_readsHostAndPortAndWritesThemBack(String text, String host, int port) {
        PeerAddress address = PeerAddress.parse(text);

        assertThat(address).isEqualTo(new PeerAddress(host, port)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "localhost",
                "localhost:",
                ":1337",
                "localhost:x",
                "::1:80",
                "a b:80",
                "a:70000",
                "a:-1",
                "[::1]",
                "http://a:80",
                "a:80/x"
            })
    void parse_ofAnythingElse_saysWhatToWrite(String text) {
        assertThatThrownBy(() -> PeerAddress.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching("(?s).*(HOST:PORT|port).*");
    }

    @ParameterizedTest
    @ValueSource(strings = {"two\nlines", "a host", "h\u00f6st", "a\u2028b", "a/b", "[a", "bell\u0007"})
    void new_ofAHostThatIsNotPlain_isRefused(String host) {
        assertThatThrownBy(() -> new PeerAddress(host, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("visible ASCII");
    }

    @Test
    void reachable_ofAWildcard_namesRealAddressesWithThePort() {
        assertThat(new PeerAddress("0.0.0.0", 1337).reachable())
                .isNotEmpty()
                .doesNotContain(new PeerAddress("0.0.0.0", 1337))
                .allMatch(address -> address.port() == 1337);
    }

    @Test
    void reachable_ofAConcreteHost_isThatHost() {
        assertThat(new PeerAddress("127.0.0.1", 1).reachable()).containsExactly(new PeerAddress("127.0.0.1", 1));
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1:1, true", "localhost:1, true", "[::1]:1, true", "10.0.0.1:1, false", "example.org:1, false"})
    void isLoopback_tellsAddressesOfThisMachineAlone(String text, boolean loopback) {
        assertThat(PeerAddress.parse(text).isLoopback()).isEqualTo(loopback);
    }
}
