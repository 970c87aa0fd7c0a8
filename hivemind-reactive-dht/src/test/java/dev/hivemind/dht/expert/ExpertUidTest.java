package dev.hivemind.dht.expert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExpertUidTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "expert.1",
                "expert.0",
                "expert.0.0.1",
                "ffn.12.34.56.78.90",
                "transformer::encoder.2",
                "T®@nsf0rmE®🤗.321",
                "🤗.321",
                "0.1.2",
                "00.1.2",
                "LAYER.1.0.1"
            })
    void uid_wellFormed_isAccepted(String text) {
        assertThat(new ExpertUid(text)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "..",
                "expert.-1",
                "xxx.a",
                "expert.1x",
                "some.123.01",
                "e1",
                "e..1",
                "e",
                "e.",
                "e.1.2.3..4",
                ".123",
                ".1.2",
                "transformer.encoder.2",
                "layer::123",
                "expert.1 ",
                "expert.1\n",
                "expert.1\n2",
                "expert.1\u0000",
                "\"expert.1\"",
                "'expert.1'",
                "expert. 1",
                "expert.+1",
                "expert.1.",
                "expert.1.2.",
                "expert.٣",
                "expert.1234567890"
            })
    void uid_malformed_isRefused(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ExpertUid(text))
                .withMessageContaining("ffn.3.17");
    }

    @Test
    void uid_longerThan256Bytes_isRefused() {
        assertThat(new ExpertUid("é".repeat(127) + ".1").value()).hasSize(129);
        assertThatIllegalArgumentException().isThrownBy(() -> new ExpertUid("é".repeat(128) + ".1"));
    }

    @Test
    void uid_withHalfACharacter_isRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new ExpertUid("\ud83e.1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"expert.", "e.1.", "e.1.2.3.", "0.1.2.", "🤗."})
    void prefix_wellFormed_isAcceptedAndNoUid(String text) {
        assertThat(new ExpertPrefix(text)).hasToString(text);
        assertThatIllegalArgumentException().isThrownBy(() -> new ExpertUid(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "expert", "expert.1", ".1.", "e..", "e.01.", "e.1.\n", "e.-1."})
    void prefix_malformed_isRefused(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ExpertPrefix(text))
                .withMessageContaining("ffn.3.");
    }

    @Test
    void prefix_ofAUid_endsBeforeItsLastCoordinate() {
        var uid = new ExpertUid("a.1.2");

        assertThat(uid.prefix()).isEqualTo(new ExpertPrefix("a.1."));
        assertThat(uid.coordinate()).isEqualTo(2);
        assertThat(uid.coordinates()).containsExactly(1, 2);
        assertThat(uid.prefix().uid(2)).isEqualTo(uid);
        assertThat(uid.prefix().child(2)).isEqualTo(new ExpertPrefix("a.1.2."));
    }
}
