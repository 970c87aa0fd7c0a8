package dev.hivemind.moe.training.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.test.StepVerifier;

class ReportWriterTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-01-02T03:04:05Z"), ZoneOffset.UTC);

    @TempDir
    private Path directory;

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();

    private ReportWriter writerTo(OutputStream out) {
        return new ReportWriter(Path.of("reports"), new JsonLinesFormat(), path -> out, CLOCK).start();
    }

    private List<String> lines() {
        return written.toString(StandardCharsets.UTF_8).lines().toList();
    }

    private static long number(String line, String field) {
        Matcher matcher = Pattern.compile("\"%s\":(\\d+)".formatted(field)).matcher(line);
        assertThat(matcher.find()).isTrue();
        return Long.parseLong(matcher.group(1));
    }

    /** Lets nothing be written before it is opened. */
    private OutputStream gated(CountDownLatch reached, CountDownLatch gate) {
        return new OutputStream() {
            @Override
            public void write(int value) {
                throw new UnsupportedOperationException();
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                reached.countDown();
                try {
                    gate.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                written.write(bytes, offset, length);
            }
        };
    }

    @Test
    void jsonLines_areAllReportsInTheirOrder() {
        ReportWriter writer = writerTo(written);
        writer.accept(StepReports.ofStep(1));
        writer.accept(StepReports.ofStep(2));
        writer.close().block(TIMEOUT);

        assertThat(lines()).hasSize(2);
        assertThat(lines().get(1))
                .isEqualTo("{\"time\":\"2026-01-02T03:04:05Z\",\"step\":2,\"epoch\":2,\"batch\":12,\"rows\":32,"
                        + "\"loss\":0.75,\"accuracy\":0.25,\"gradientNorm\":3.0,\"learningRate\":0.125,"
                        + "\"staleness\":1,\"totalRows\":64,\"samplesPerSecond\":640.0,\"calls\":4,"
                        + "\"failedCalls\":1,\"expertsAnswering\":4,\"repeatedBatches\":5,\"lostBatches\":6,"
                        + "\"missed\":0}");
    }

    @Test
    void accept_whileTheFileIsSlow_returnsAndDropsTheOldest() throws InterruptedException {
        var reached = new CountDownLatch(1);
        var gate = new CountDownLatch(1);
        ReportWriter writer = writerTo(gated(reached, gate));
        writer.accept(StepReports.ofStep(1));
        assertThat(reached.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();

        for (int step = 2; step <= 3_000; step++) {
            writer.accept(StepReports.ofStep(step));
        }
        gate.countDown();
        writer.close().block(TIMEOUT);

        List<String> lines = lines();
        assertThat(lines).hasSize(1 + ReportWriter.CAPACITY);
        assertThat(number(lines.get(1), "step")).isEqualTo(3_000 - ReportWriter.CAPACITY + 1);
        assertThat(number(lines.get(1), "missed")).isEqualTo(3_000 - 1 - ReportWriter.CAPACITY);
        assertThat(number(lines.get(2), "missed")).isZero();
        assertThat(number(lines.get(lines.size() - 1), "step")).isEqualTo(3_000);
    }

    @Test
    void accept_whenTheFileCannotBeWritten_isWithoutEffect() {
        ReportWriter writer = new ReportWriter(
                        Path.of("reports"),
                        new JsonLinesFormat(),
                        path -> {
                            throw new IOException("No space left on device");
                        },
                        CLOCK)
                .start();

        writer.accept(StepReports.ofStep(1));
        writer.close().block(TIMEOUT);
        writer.accept(StepReports.ofStep(2));
        writer.close().block(TIMEOUT);

        assertThat(lines()).isEmpty();
    }

    @Test
    void jsonLines_ofAFileThatExists_areAppended() throws IOException {
        Path file = directory.resolve("run/reports.jsonl");
        for (int step = 1; step <= 2; step++) {
            ReportWriter writer = ReportWriter.jsonLines(file);
            writer.accept(StepReports.ofStep(step));
            writer.close().block(TIMEOUT);
        }

        assertThat(Files.readAllLines(file)).hasSize(2);
    }

    private void assertAppended(String before, String expected) throws IOException {
        Path file = Files.writeString(directory.resolve("reports.jsonl"), before);
        ReportWriter writer = ReportWriter.jsonLines(file);
        writer.accept(StepReports.ofStep(1));
        writer.close().block(TIMEOUT);

        assertThat(Files.readString(file))
                .startsWith(expected + "{\"time\":")
                .endsWith("}\n")
                .hasLineCount(1 + (int) expected.lines().count());
    }

    @Test
    void jsonLines_afterHalfALine_cutItOff() throws IOException {
        assertAppended("{\"step\":1}\n{\"time\":\"20", "{\"step\":1}\n");
    }

    @Test
    void jsonLines_afterNothingButHalfALine_cutItOff() throws IOException {
        assertAppended("{\"ti", "");
    }

    @Test
    void jsonLines_afterSomethingElseWithoutAnEnd_keepIt() throws IOException {
        assertAppended("notes", "notes\n");
    }

    @Test
    void close_whileTheFileHangs_completesInTheEnd() throws InterruptedException {
        var reached = new CountDownLatch(1);
        var gate = new CountDownLatch(1);
        ReportWriter writer = writerTo(gated(reached, gate));
        writer.accept(StepReports.ofStep(1));
        assertThat(reached.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();

        StepVerifier.withVirtualTime(writer::close)
                .thenAwait(ReportWriter.CLOSE_TIMEOUT)
                .expectComplete()
                .verify(TIMEOUT);

        gate.countDown();
        writer.close().block(TIMEOUT);
    }

    @Test
    void tensorBoard_isAnEventFileOfItsDirectory() throws IOException {
        ReportWriter writer = ReportWriter.tensorBoard(directory.resolve("run"));
        writer.accept(StepReports.ofStep(1));
        writer.close().block(TIMEOUT);

        assertThat(writer.file().getFileName().toString()).startsWith("events.out.tfevents.");
        assertThat(writer.file().getParent()).isEqualTo(directory.resolve("run"));
        assertThat(Files.size(writer.file())).isPositive();
    }
}
