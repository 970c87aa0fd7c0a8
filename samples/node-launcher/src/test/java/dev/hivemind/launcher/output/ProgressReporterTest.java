package dev.hivemind.launcher.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressReporterTest {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    private final AtomicLong nanos = new AtomicLong();
    private final Throttle throttle = new Throttle(Duration.ofSeconds(5), nanos::get);

    @Test
    void plain_manySteps_printsFirstThenOnePerIntervalAndTheLast() {
        var reporter = new PlainProgressReporter(out, "mixture", throttle);

        for (int step = 1; step <= 10; step++) {
            reporter.report(step(step));
            nanos.addAndGet(Duration.ofSeconds(2).toNanos());
        }

        assertThat(text().lines().map(line -> line.split(",")[0]))
                .containsExactly(
                        "mixture: step 1 of 10",
                        "mixture: step 4 of 10",
                        "mixture: step 7 of 10",
                        "mixture: step 10 of 10");
    }

    @Test
    void plain_step_showsEveryNumber() {
        new PlainProgressReporter(out, "mixture", throttle).report(step(3));

        assertThat(text())
                .isEqualToIgnoringNewLines(
                        "mixture: step 3 of 10, loss 0.679, accuracy 81.2 %, 1234 samples/s, 16 experts answering");
    }

    @Test
    void plain_event_printsItsTextAtOnce() {
        new PlainProgressReporter(out, "mixture", throttle).event("killed", "Server 2 was killed.", Map.of("pid", 7));

        assertThat(text()).isEqualToIgnoringNewLines("Server 2 was killed.");
    }

    @Test
    void json_step_isOneObject() {
        var reporter = new JsonProgressReporter(new JsonLines(out), "Task", throttle);

        reporter.report(step(3));
        reporter.report(step(4));

        assertThat(text())
                .isEqualToIgnoringNewLines(
                        "{\"event\":\"step\",\"task\":\"Task\",\"step\":3,\"steps\":10,\"loss\":0.6789,"
                                + "\"accuracy\":0.8123,\"samplesPerSecond\":1234.4,\"expertsAnswering\":16}");
    }

    @Test
    void json_event_hasItsFieldsAndNoText() {
        new JsonProgressReporter(new JsonLines(out), "Task", throttle)
                .event("server-killed", "Server 2 was killed.", Map.of("pid", 7));

        assertThat(text()).isEqualToIgnoringNewLines("{\"event\":\"server-killed\",\"pid\":7}");
    }

    @Test
    void bar_stepsAndEvents_drawsBothAndEndsTheLine() {
        try (var reporter = new ProgressBarReporter(out, "mixture", 10)) {
            reporter.report(step(3));
            reporter.event("killed", "Server 2 was killed.", Map.of());
            reporter.report(step(10));
        }

        assertThat(text()).contains("Server 2 was killed.", "10/10", "loss").endsWith("\n");
    }

    private static Progress step(int step) {
        return new Progress(step, 10, 0.6789, 0.8123, 1234.4, 16);
    }

    private String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
