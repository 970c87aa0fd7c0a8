package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands of hivemind's own quickstart, word for word but for the ports: two servers, and a client of both. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class QuickstartPackageTest {

    private static final Pattern SPACE = Pattern.compile("[\\[,] ?");

    @TempDir
    private Path directory;

    private final List<CommandRun> runs = new ArrayList<>();

    @AfterEach
    void end() {
        runs.forEach(CommandRun::close);
    }

    private CommandRun server(String options) throws Exception {
        CommandRun server = CommandRun.start(directory, Map.of(), ("server " + options).split(" "));
        runs.add(server);
        return server;
    }

    @Test
    void quickstart_trainsThroughTwoServers() throws Exception {
        int dhtPort = freePort();
        server("--expert_cls ffn --hidden_dim 512 --num_experts 5 --uid_space expert.[0:10]"
                        + " --listen_on 0.0.0.0:0 --dht_port " + dhtPort)
                .await("Ctrl-C");
        server("--expert_cls ffn --hidden_dim 512 --num_experts 5 --uid_space expert.[0:10]"
                        + " --initial-peers localhost:" + dhtPort)
                .await("Ctrl-C");

        List<Double> losses = client("localhost:" + dhtPort);

        // The same rows each time: a loss changes because weights do, here or at a server.
        assertThat(losses).hasSize(100).allMatch(Double::isFinite);
        assertThat(Set.copyOf(losses)).hasSizeGreaterThan(50);
    }

    private static int freePort() throws Exception {
        try (var socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    /** The losses of a hundred steps through expert.4 and expert.1, wherever they are. */
    private List<Double> client(String server) throws Exception {
        List<String> command = new ArrayList<>(CommandRun.java());
        command.addAll(List.of(
                "-cp",
                System.getProperty("hivemind.package", System.getProperty("java.class.path")),
                "dev.hivemind.samples.trainer.Quickstart",
                server));
        CommandRun client = CommandRun.startProgram(directory, Map.of(), command);
        runs.add(client);
        String losses = client.success().get(0);
        return SPACE.splitAsStream(losses.substring(0, losses.length() - 1))
                .filter(number -> !number.isBlank())
                .map(Double::valueOf)
                .toList();
    }
}
