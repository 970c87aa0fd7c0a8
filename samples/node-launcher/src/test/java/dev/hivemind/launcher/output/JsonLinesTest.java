package dev.hivemind.launcher.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonLinesTest {

    @Test
    void format_allTypes_inTheOrderOfTheMap() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("event", "result");
        fields.put("accuracy", 0.875);
        fields.put("steps", 1200);
        fields.put("bytes", 9_000_000_000L);
        fields.put("killed", true);
        fields.put("addresses", List.of("[::1]:1", "a:2"));
        fields.put("nothing", null);

        assertThat(JsonLines.format(fields))
                .isEqualTo(
                        "{\"event\":\"result\",\"accuracy\":0.875,\"steps\":1200,\"bytes\":9000000000,\"killed\":true,"
                                + "\"addresses\":[\"[::1]:1\",\"a:2\"],\"nothing\":null}");
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {"\",\\\"", "\\,\\\\", "é,\\u00e9", "/,/"})
    void format_specialCharacter_isEscaped(String text, String escaped) {
        assertThat(JsonLines.format(Map.of("a", text))).isEqualTo("{\"a\":\"" + escaped + "\"}");
    }

    @Test
    void format_controlCharacters_areEscapedInNamesToo() {
        assertThat(JsonLines.format(Map.of("\n", "\r\t\0\u007f😀")))
                .isEqualTo("{\"\\n\":\"\\r\\t\\u0000\\u007f\\ud83d\\ude00\"}");
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void format_numberUnknownToJson_becomesNull(double number) {
        assertThat(JsonLines.format(Map.of("a", number))).isEqualTo("{\"a\":null}");
        assertThat(JsonLines.format(Map.of("a", (float) number))).isEqualTo("{\"a\":null}");
    }

    @Test
    void format_noFields_isAnEmptyObject() {
        assertThat(JsonLines.format(Map.of())).isEqualTo("{}");
    }

    @Test
    void write_twoObjects_makesTwoLines() {
        var bytes = new ByteArrayOutputStream();
        var lines = new JsonLines(new PrintStream(bytes, false, StandardCharsets.UTF_8));

        lines.write(Map.of("a", 1));
        lines.write(Map.of("b", 2));

        assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo("{\"a\":1}\n{\"b\":2}\n");
    }
}
