package dev.hivemind.moe.data;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Utf8ScannerTest {

    private static String decode(byte[] bytes) throws IOException {
        var text = new StringBuilder();
        new Utf8Scanner("text", true)
                .scan(new ByteArrayInputStream(bytes), (codePoint, offset) -> text.appendCodePoint(codePoint));
        return text.toString();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 65_535, 65_536, 65_537, 200_000})
    void scan_ofRandomBytes_isWhatTheJdkDecodes(int length) throws IOException {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);

        assertThat(decode(bytes)).isEqualTo(new String(bytes, UTF_8));
    }

    @Test
    void scan_ofText_knowsWhereEachCodePointBegins() throws IOException {
        var random = new Random(2);
        var expected = new StringBuilder();
        while (expected.length() < 100_000) {
            int codePoint = random.nextInt(Character.MAX_CODE_POINT + 1) >> random.nextInt(16);
            if (codePoint < Character.MIN_SURROGATE || codePoint > Character.MAX_SURROGATE) {
                expected.appendCodePoint(codePoint);
            }
        }
        byte[] bytes = expected.toString().getBytes(UTF_8);
        var written = new ByteArrayOutputStream();

        long replaced = new Utf8Scanner("text", false).scan(new ByteArrayInputStream(bytes), (codePoint, offset) -> {
            assertThat(offset).isEqualTo(written.size());
            Utf8.write(codePoint, written);
        });

        assertThat(replaced).isZero();
        assertThat(written.toByteArray()).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 65_534, 65_535, 65_536, 131_071, 150_000})
    void scan_ofMalformedBytes_saysWhere(int offset) {
        byte[] bytes = "a".repeat(150_001).getBytes(UTF_8);
        bytes[offset] = (byte) 0xE2;

        assertThatThrownBy(() ->
                        new Utf8Scanner("text", false).scan(new ByteArrayInputStream(bytes), (codePoint, at) -> {}))
                .isInstanceOfSatisfying(
                        DataException.Malformed.class,
                        error -> assertThat(error.offset()).isEqualTo(offset));
    }
}
