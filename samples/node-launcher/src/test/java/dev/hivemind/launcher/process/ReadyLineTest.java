package dev.hivemind.launcher.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.LinkedHashMap;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReadyLineTest {

    @Test
    void parse_lineOfJsonLines_findsAllAddresses() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("event", "ready");
        fields.put("experts", List.of("expert.0", "expert.1"));
        fields.put("addresses", List.of("127.0.0.1:1234", "[::1]:5"));

        assertThat(ReadyLine.parse(JsonLines.format(fields)))
                .contains(new ReadyLine(List.of(new PeerAddress("127.0.0.1", 1234), new PeerAddress("::1", 5)), ""));
    }

    @Test
    void parse_lineWithAUrl_findsIt() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("event", "ready");
        fields.put("url", "http://127.0.0.1:8080/");
        fields.put("addresses", List.of("127.0.0.1:1234"));

        assertThat(ReadyLine.parse(JsonLines.format(fields)))
                .contains(new ReadyLine(List.of(new PeerAddress("127.0.0.1", 1234)), "http://127.0.0.1:8080/"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "hello", "{\"event\":\"batch\"}", "\"event\":\"ready\"", "{\"ready\":true}"})
    void parse_otherLine_isEmpty(String line) {
        assertThat(ReadyLine.parse(line)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"event\":\"ready\"}",
                "{\"event\":\"ready\",\"addresses\":[]}",
                "{\"event\":\"ready\",\"addresses\":[\"nonsense\"]}",
                "{\"event\":\"ready\",\"addresses\":[1]}"
            })
    void parse_readyWithoutProperAddresses_throws(String line) {
        assertThatThrownBy(() -> ReadyLine.parse(line)).isInstanceOf(ChildProcessException.class);
    }
}
