package dev.hivemind.benchmarks.harness;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RowTest {

    @Test
    void toJson_ofAllKinds_keepsTheirOrder() {
        Row row = new Row().put("op", "sink").put("bytes", 4_096).put("raw", Series.of(1, 3, 2));

        assertThat(row.toJson()).isEqualTo("{\"op\":\"sink\",\"bytes\":4096,\"raw\":2,\"rawRange\":[1,3]}");
    }

    @Test
    void toJson_ofMeasuredNumbers_keepsFourDigits() {
        Row row = new Row().put("large", 123_456.7).put("small", 0.000123456).put("none", Double.NaN);

        assertThat(row.toJson()).isEqualTo("{\"large\":123500,\"small\":0.0001235,\"none\":null}");
    }

    @Test
    void toJson_ofTextWithQuotesAndControls_isEscaped() {
        assertThat(new Row().put("text", "a\"b\\\n").toJson()).isEqualTo("{\"text\":\"a\\\"b\\\\\\u000a\"}");
    }
}
