package dev.hivemind.dashboard.history;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlainTextTest {

    @ParameterizedTest
    @ValueSource(ints = {0x00, 0x0A, 0x1B, 0x7F, 0x85, 0x200B, 0x202E, 0x2028, 0x2066, 0xFEFF, 0xE000, 0xE0041})
    void of_whatIsInvisibleOrTurnsTheText_isReplaced(int codePoint) {
        assertThat(PlainText.of("a" + Character.toString(codePoint) + "b", 10)).isEqualTo("a\uFFFDb");
    }

    @Test
    void of_halfASurrogatePair_isReplaced() {
        assertThat(PlainText.of("a\uD83D", 10)).isEqualTo("a\uFFFD");
        assertThat(PlainText.of("ab\uD83D\uDE00", 4)).isEqualTo("ab\uD83D\uDE00");
        assertThat(PlainText.of("ab\uD83D\uDE00c", 4)).isEqualTo("ab\uFFFD…");
    }

    @Test
    void of_markupAndLetters_areLeft() {
        assertThat(PlainText.of("<img src=x onerror=\"alert(1)\"> ä 中", 60))
                .isEqualTo("<img src=x onerror=\"alert(1)\"> ä 中");
    }

    @Test
    void of_longText_isCut() {
        assertThat(PlainText.of("x".repeat(1_000), 10)).isEqualTo("xxxxxxxxx…");
    }
}
