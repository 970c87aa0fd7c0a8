package dev.hivemind.dashboard.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostGuardTest {

    private final HostGuard guard = new HostGuard(new WebOptions("wall.example", 8080, Set.of("proxy.example")));

    @ParameterizedTest
    @ValueSource(
            strings = {
                "localhost",
                "LOCALHOST:8080",
                "127.0.0.1",
                "127.0.0.1:8080",
                "[::1]",
                "[::1]:8080",
                "192.168.1.7:80",
                "wall.example:8080",
                "proxy.example"
            })
    void isOurs_addressesAndAllowedNames_pass(String host) {
        assertThat(guard.isOurs(host)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "evil.example",
                "evil.example:8080",
                "localhost.evil.example",
                "127.0.0.1.evil.example",
                "::1",
                "[::1",
                "[evil]",
                ":8080",
                "127.0.0.1@evil.example"
            })
    void isOurs_otherNames_doNot(String host) {
        assertThat(guard.isOurs(host)).isFalse();
    }

    @Test
    void isOurs_withoutName_isFalse() {
        assertThat(guard.isOurs(null)).isFalse();
    }
}
