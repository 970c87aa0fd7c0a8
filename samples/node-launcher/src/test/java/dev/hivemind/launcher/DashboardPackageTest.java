package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The dashboard as users start it: by itself, and with the demo. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class DashboardPackageTest {

    private static final String NOBODY = "127.0.0.1:1";

    @TempDir
    private Path directory;

    @RegisterExtension
    final CommandRuns runs = new CommandRuns();

    private CommandRun hivemind(String... arguments) throws IOException {
        return runs.start(directory, Map.of(), arguments);
    }

    private static String urlIn(String line) {
        return line.replaceFirst(".*\"url\":\"([^\"]+)\".*", "$1");
    }

    private static int status(String url) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).build();
        return HttpClient.newHttpClient()
                .send(request, BodyHandlers.discarding())
                .statusCode();
    }

    @Test
    void dashboard_withoutASwarm_servesUntilItIsStopped() throws Exception {
        CommandRun dashboard = hivemind("dashboard", "--json", "--port", "0", "--peer", NOBODY);
        String url = urlIn(dashboard.await("{\"event\":\"ready\""));
        assertThat(status(url)).isEqualTo(200);
        assertThat(status(url + "actuator/health/liveness")).isEqualTo(200);
        assertThat(status(url + "actuator/health/readiness")).isEqualTo(503);

        dashboard.process().destroy();

        assertThat(dashboard.exitCode()).isEqualTo(ExitCodes.OK);
    }

    @Test
    void dashboard_onAPortInUse_namesIt() throws Exception {
        try (var taken = new ServerSocket(0)) {
            String port = String.valueOf(taken.getLocalPort());

            assertThat(hivemind("dashboard", "--port", port, "--initial-peers", NOBODY)
                            .failure(ExitCodes.FAILED))
                    .contains("127.0.0.1:" + port, "another port");
        }
    }

    @Test
    void dashboard_withAPortThatIsNone_isRefused() throws Exception {
        assertThat(hivemind("dashboard", "--port", "70000", "--initial-peers", NOBODY)
                        .failure(ExitCodes.USAGE))
                .contains("70000");
    }

    @Test
    void demo_thatIsKilled_leavesNoDashboard() throws Exception {
        CommandRun demo = hivemind(
                "demo",
                "--json",
                "--dashboard-port",
                "0",
                "--steps",
                "1000000",
                "--servers",
                "1",
                "--experts",
                "1",
                "--no-kill");
        String url = urlIn(demo.await("{\"event\":\"dashboard\""));
        assertThat(status(url + "api/snapshot")).isEqualTo(200);

        demo.close();

        awaitNobodyAt(URI.create(url));
    }

    /** A process that ends needs a while. */
    private static void awaitNobodyAt(URI url) throws Exception {
        while (isAnybodyAt(url)) {
            new CountDownLatch(1).await(100, TimeUnit.MILLISECONDS);
        }
    }

    private static boolean isAnybodyAt(URI url) throws IOException {
        try (var socket = new Socket(url.getHost(), url.getPort())) {
            return socket.isConnected();
        } catch (ConnectException nobody) {
            return false;
        }
    }

    @Test
    void demo_whoseDashboardCannotStart_goesOnAndSaysSo() throws Exception {
        try (var taken = new ServerSocket(0)) {
            String port = String.valueOf(taken.getLocalPort());

            CommandRun demo = hivemind(
                    "demo",
                    "--json",
                    "--dashboard-port",
                    port,
                    "--steps",
                    "1000000",
                    "--servers",
                    "1",
                    "--experts",
                    "1",
                    "--no-kill");

            assertThat(demo.await("{\"event\":\"dashboard-failed\"")).contains(port);
            demo.await("{\"event\":\"step\"");
        }
    }
}
