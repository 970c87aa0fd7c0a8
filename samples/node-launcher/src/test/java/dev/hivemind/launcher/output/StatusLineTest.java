package dev.hivemind.launcher.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class StatusLineTest {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

    @Test
    void show_whereItIsRedrawn_staysInItsLine() {
        var line = new StatusLine(out, true, false);

        line.show("one");
        line.show("two");
        line.end();

        assertThat(text())
                .isEqualTo("\r\033[2K\033[?7lone\033[?7h" + "\r\033[2K\033[?7ltwo\033[?7h" + "\r\033[2K")
                .doesNotContain("\n");
    }

    @Test
    void show_inColour_endsIt() {
        new StatusLine(out, true, true).show("one");

        assertThat(text()).contains("\033[2mone\033[0m");
    }

    @Test
    void show_elsewhere_isALineEachWithoutEscapes() {
        var line = new StatusLine(out, false, false);

        line.show("one");
        line.show("two");
        line.end();

        assertThat(text()).isEqualToNormalizingNewlines("one\ntwo\n");
    }

    private String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
