package dev.hivemind.moe.data;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.LongStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextSetTest {

    private static final String TEXT = "Zwölf Boxkämpfer jagen Viktor 🐝 quer über den großen Sylter Deich";

    @TempDir
    private Path directory;

    private DataFile file(byte[] bytes) throws IOException {
        return DataFile.of(Files.write(directory.resolve("text"), bytes));
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        var compressed = new ByteArrayOutputStream();
        try (var out = new GZIPOutputStream(compressed)) {
            out.write(bytes);
        }
        return compressed.toByteArray();
    }

    private static long[] allNumbers(TextSet set) {
        return LongStream.range(0, set.size()).toArray();
    }

    /** All sequences one after the other, with the last target. */
    private static long[] tokens(TextSet set) {
        try (SampleSet.Reader reader = set.open()) {
            SampleSet.Rows rows = reader.read(allNumbers(set));
            long[] inputs = rows.inputs().get(0).longs();
            long[] targets = rows.targets().get(0).longs();
            assertThat(Arrays.copyOfRange(targets, 0, targets.length - 1))
                    .isEqualTo(Arrays.copyOfRange(inputs, 1, inputs.length));
            return LongStream.concat(LongStream.of(inputs), LongStream.of(targets[targets.length - 1]))
                    .toArray();
        }
    }

    private static long[] unsigned(byte[] bytes) {
        long[] values = new long[bytes.length];
        Arrays.setAll(values, i -> Byte.toUnsignedLong(bytes[i]));
        return values;
    }

    @Test
    void bytes_ofAText_areItsBytesWithTheNextAsTarget() throws IOException {
        byte[] text = TEXT.getBytes(UTF_8);
        for (byte[] stored : new byte[][] {text, gzip(text)}) {
            try (TextSet set = SampleSet.text(file(stored), TextFormat.bytes(5))) {
                assertThat(set.size()).isEqualTo((text.length - 1) / 5);
                assertThat(set.tokenCount()).isEqualTo(256);
                assertThat(set.vocabulary()).isNull();
                assertThat(tokens(set)).isEqualTo(unsigned(Arrays.copyOf(text, (text.length - 1) / 5 * 5 + 1)));
            }
        }
    }

    @Test
    void characters_ofAText_areItsCodePoints() throws IOException {
        int length = TEXT.codePointCount(0, TEXT.length());
        for (byte[] stored : new byte[][] {TEXT.getBytes(UTF_8), gzip(TEXT.getBytes(UTF_8))}) {
            try (TextSet set = SampleSet.text(file(stored), TextFormat.characters(7))) {
                Vocabulary vocabulary = Vocabulary.of(TEXT);
                int kept = (length - 1) / 7 * 7 + 1;
                assertThat(set.tokenCount()).isEqualTo(vocabulary.size());
                assertThat(vocabulary.decode(tokens(set)))
                        .isEqualTo(TEXT.substring(0, TEXT.offsetByCodePoints(0, kept)));
            }
        }
    }

    @Test
    void characters_ofALargeVocabulary_takeMoreBytesEach() throws IOException {
        var text = new StringBuilder();
        for (int codePoint = 0x4E00; codePoint < 0x4E00 + 1_000; codePoint++) {
            text.appendCodePoint(codePoint);
        }
        try (TextSet set = SampleSet.text(file(text.toString().getBytes(UTF_8)), TextFormat.characters(999))) {
            assertThat(tokens(set)).isEqualTo(LongStream.range(0, 1_000).toArray());
        }
    }

    @Test
    void fingerprint_ofAnotherText_isAnother() throws IOException {
        byte[] text = TEXT.getBytes(UTF_8);
        byte[] other = text.clone();
        other[0]++;
        try (TextSet set = SampleSet.text(file(text), TextFormat.bytes(5))) {
            int fingerprint = set.fingerprint();
            try (TextSet second = SampleSet.text(file(other), TextFormat.bytes(5))) {
                assertThat(second.fingerprint()).isNotEqualTo(fingerprint);
            }
        }
    }

    @Test
    void sequences_withStride_overlap() throws IOException {
        try (TextSet set = SampleSet.text(
                        file("0123456789".getBytes(UTF_8)), TextFormat.bytes(4).withStride(3));
                SampleSet.Reader reader = set.open()) {
            assertThat(set.size()).isEqualTo(2);
            SampleSet.Rows rows = reader.read(new long[] {1, 0});
            assertThat(rows.inputs().get(0).shape()).containsExactly(2, 4);
            assertThat(rows.inputs().get(0).longs()).isEqualTo(unsigned("34560123".getBytes(UTF_8)));
            assertThat(rows.targets().get(0).longs()).isEqualTo(unsigned("45671234".getBytes(UTF_8)));
        }
    }

    @Test
    void characters_ofAnotherTextsVocabulary_areNumberedAlike() throws IOException {
        var vocabulary = Vocabulary.of("abc");
        try (TextSet set = SampleSet.text(
                file("cab".getBytes(UTF_8)), TextFormat.characters(2).withVocabulary(vocabulary))) {
            assertThat(tokens(set)).containsExactly(2, 0, 1);
        }
        DataFile unknown = file("caßb".getBytes(UTF_8));
        assertThatThrownBy(
                        () -> SampleSet.text(unknown, TextFormat.characters(2).withVocabulary(vocabulary)))
                .isInstanceOfSatisfying(
                        DataException.Malformed.class,
                        error -> assertThat(error.offset()).isEqualTo(2))
                .hasMessageContaining("U+00DF is not part of the vocabulary");
    }

    @Test
    void open_malformedText_saysWhere() throws IOException {
        byte[] text = TEXT.getBytes(UTF_8);
        text[20] = (byte) 0xFF;
        for (TextFormat format : new TextFormat[] {TextFormat.bytes(4), TextFormat.characters(4)}) {
            for (byte[] stored : new byte[][] {text, gzip(text)}) {
                DataFile file = file(stored);
                assertThatThrownBy(() -> SampleSet.text(file, format))
                        .isInstanceOfSatisfying(
                                DataException.Malformed.class,
                                error -> assertThat(error.offset()).isEqualTo(20))
                        .hasMessageContaining(directory.resolve("text").toString())
                        .hasMessageContaining("this is no UTF-8");
            }
        }
    }

    @Test
    void open_malformedTextWithReplacement_hasReplacementsInPlace() throws IOException {
        byte[] text = {'a', 'b', (byte) 0xC3, 'c', 'd'};
        byte[] repaired = "ab\uFFFDcd".getBytes(UTF_8);
        try (TextSet set =
                SampleSet.text(file(text), TextFormat.bytes(repaired.length - 1).withReplacement())) {
            assertThat(tokens(set)).isEqualTo(unsigned(repaired));
        }
        try (TextSet set = SampleSet.text(file(text), TextFormat.characters(4).withReplacement())) {
            assertThat(Vocabulary.of("abcd\uFFFD").decode(tokens(set))).isEqualTo("ab\uFFFDcd");
        }
    }

    @Test
    void open_tooShortText_saysSo() throws IOException {
        for (TextFormat format : new TextFormat[] {TextFormat.bytes(4), TextFormat.characters(4)}) {
            DataFile shortText = file("abcd".getBytes(UTF_8));
            assertThatThrownBy(() -> SampleSet.text(shortText, format))
                    .isInstanceOf(DataException.Malformed.class)
                    .hasMessageContaining("it has 4 tokens, but one sequence takes 5");
            DataFile empty = file(new byte[0]);
            assertThatThrownBy(() -> SampleSet.text(empty, format)).isInstanceOf(DataException.Malformed.class);
        }
    }
}
