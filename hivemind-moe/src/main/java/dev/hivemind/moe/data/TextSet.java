package dev.hivemind.moe.data;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.training.HostTensor;
import java.util.List;
import java.util.Objects;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A text in UTF-8 as sequences of equal length, each with the token that follows as target of every token. Inputs and
 * targets are int64 of shape {@code (rows, sequenceLength)}. What is left at the end and makes no whole sequence is left
 * out.
 *
 * <p>Opening reads the text once or twice. Bytes of a plain file are read from there; characters, and the bytes of a
 * compressed or repaired text, from a file in {@code java.io.tmpdir} that takes 1, 2 or 4 bytes for each. A reader holds
 * one sequence in memory besides what it returns.
 */
public final class TextSet implements SampleSet {

    static final String TOO_SHORT_ADVICE = "Use more text or shorter sequences.";

    private static final int BYTE_VALUES = 256;

    /** Sequences, evenly spaced, that tell one text from another. */
    private static final int TELLING_SEQUENCES = 64;

    private final Tokens tokens;
    private final TextFormat format;
    private final long size;

    private TextSet(Tokens tokens, TextFormat format, long size) {
        this.tokens = tokens;
        this.format = format;
        this.size = size;
    }

    static TextSet open(DataFile file, TextFormat format) {
        requireNonNull(format, "format");
        Tokens tokens = Tokens.of(requireNonNull(file, "file"), format);
        long inputs = tokens.count() - 1;
        if (inputs < format.sequenceLength()) {
            long length = tokens.count();
            tokens.close();
            throw new DataException.Malformed(
                    file.name(),
                    0,
                    "it has %d tokens, but one sequence takes %d".formatted(length, 1L + format.sequenceLength()),
                    TOO_SHORT_ADVICE);
        }
        return new TextSet(tokens, format, (inputs - format.sequenceLength()) / format.stride() + 1);
    }

    @Override
    public long size() {
        return size;
    }

    /** Of some sequences, evenly spaced, which are read for it. */
    @Override
    public int fingerprint() {
        var sum = new CRC32();
        try (RecordReader records = records()) {
            for (long i = 0; i < TELLING_SEQUENCES; i++) {
                long sequence = Math.min(i * Math.max(1, size / TELLING_SEQUENCES), size - 1);
                sum.update(records.read(sequence * format.stride() * tokens.width()));
            }
        }
        return (int) sum.getValue();
    }

    /** How many different tokens there may be: all numbers are below this. */
    public int tokenCount() {
        Vocabulary vocabulary = tokens.vocabulary();
        return vocabulary == null ? BYTE_VALUES : vocabulary.size();
    }

    /** What the numbers stand for; null for bytes. */
    public @Nullable Vocabulary vocabulary() {
        return tokens.vocabulary();
    }

    @Override
    public Reader open() {
        return new TextReader(records());
    }

    private RecordReader records() {
        return new RecordReader(tokens.stored(), Math.multiplyExact(tokens.width(), 1 + format.sequenceLength()));
    }

    @Override
    public void close() {
        tokens.close();
    }

    private final class TextReader implements Reader {

        private final RecordReader records;

        TextReader(RecordReader records) {
            this.records = records;
        }

        @Override
        public Rows read(long[] numbers) {
            int length = format.sequenceLength();
            long[] inputs = new long[Math.multiplyExact(numbers.length, length)];
            long[] targets = new long[inputs.length];
            for (int row = 0; row < numbers.length; row++) {
                long first = Objects.checkIndex(numbers[row], size) * format.stride();
                byte[] bytes = records.read(first * tokens.width());
                for (int i = 0; i < length; i++) {
                    inputs[row * length + i] = tokens.at(bytes, i * tokens.width());
                    targets[row * length + i] = tokens.at(bytes, (i + 1) * tokens.width());
                }
            }
            return new Rows(
                    List.of(HostTensor.of(inputs, numbers.length, length)),
                    List.of(HostTensor.of(targets, numbers.length, length)));
        }

        @Override
        public void close() {
            records.close();
        }
    }
}
