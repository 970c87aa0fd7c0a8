package dev.hivemind.benchmarks.throughput;

import dev.hivemind.benchmarks.harness.Plan;
import dev.hivemind.benchmarks.harness.Row;
import dev.hivemind.benchmarks.harness.Series;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** How long {@code ./hivemind server} takes from its start as a process until it serves its experts. */
final class ServerStart {

    /** The name by which the row is chosen. */
    static final String NAME = "start";

    private static final String READY = "\"event\":\"ready\"";

    private ServerStart() {}

    /** The first start builds what is to be built, and does not count. */
    static Row measure(Plan plan) throws IOException {
        millisUntilReady();
        double[] millis = new double[plan.repetitions()];
        for (int i = 0; i < millis.length; i++) {
            millis[i] = millisUntilReady();
        }
        return new Row().put("preset", NAME).put("readyMillis", Series.of(millis));
    }

    private static double millisUntilReady() throws IOException {
        Path launcher = Path.of(System.getProperty("hivemind.benchmarks.root", "."), "hivemind");
        long start = System.nanoTime();
        Process server = new ProcessBuilder(launcher.toString(), "server", "--listen-on", "127.0.0.1:0", "--json")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines = server.inputReader(StandardCharsets.UTF_8)) {
            awaitReady(lines);
            return (System.nanoTime() - start) / 1e6;
        } finally {
            server.destroy();
        }
    }

    private static void awaitReady(BufferedReader lines) throws IOException {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.contains(READY)) {
                return;
            }
        }
        throw new IOException("The server ended before it was ready");
    }
}
