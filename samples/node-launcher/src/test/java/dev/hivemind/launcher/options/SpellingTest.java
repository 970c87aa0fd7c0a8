package dev.hivemind.launcher.options;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpellingTest {

    @ParameterizedTest
    @CsvSource({
        "ping,ping,0",
        "pnig,ping,1",
        "pin,ping,1",
        "pings,ping,1",
        "pang,ping,1",
        "gnip,ping,3",
        "'',ping,4",
        "listen,listen-on,1"
    })
    void distance_countsWhatIsWrong(String word, String candidate, int distance) {
        assertThat(Spelling.distance(word, candidate)).isEqualTo(distance);
    }

    @Test
    void nearest_ofSeveral_isTheOneWithTheLeastWrong() {
        assertThat(Spelling.nearest("exprts", List.of("export", "experts", "expert")))
                .hasValue("experts");
    }

    @Test
    void nearest_ofNothingAlike_isNone() {
        assertThat(Spelling.nearest("frobnicate", List.of("ping", "server"))).isEmpty();
    }
}
