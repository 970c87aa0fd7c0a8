package dev.hivemind.launcher.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.CommandRun;
import dev.hivemind.launcher.CommandRuns;
import dev.hivemind.launcher.swarm.ExpertTree;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;

/** Servers as processes, and this process among their peers. */
@Timeout(value = 4, unit = TimeUnit.MINUTES)
class ServerPackageTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final Pattern ADDRESS = Pattern.compile("\"addresses\":\\[\"([^\"]+)\"");
    private static final Pattern METRICS = Pattern.compile("\"metricsPort\":(\\d+)");

    @TempDir
    private Path directory;

    @RegisterExtension
    final CommandRuns runs = new CommandRuns();

    private final PeerNode node = PeerNode.builder().build();

    @AfterEach
    void end() {
        node.close().block(TIMEOUT);
    }

    private CommandRun server(String... arguments) throws Exception {
        List<String> all = new ArrayList<>(List.of("server", "--json", "--hidden-dim", "16"));
        all.addAll(List.of(arguments));
        return command(all.toArray(String[]::new));
    }

    private CommandRun command(String... arguments) throws Exception {
        return runs.start(directory, Map.of(), arguments);
    }

    private static String ready(CommandRun server) throws Exception {
        return server.await("{\"event\":\"ready\"");
    }

    private static PeerAddress address(String ready) {
        Matcher matcher = ADDRESS.matcher(ready);
        assertThat(matcher.find()).isTrue();
        return PeerAddress.parse(matcher.group(1));
    }

    private ExpertDirectory directoryAt(PeerAddress address) {
        DhtNode dht = DhtNode.builder(node).initialPeers(List.of(address)).build();
        node.start().then(dht.start()).block(TIMEOUT);
        return new ExpertDirectory(dht);
    }

    private Mono<Integer> forward(PeerConnection server, String uid) {
        return Mono.using(
                () -> Request.ofTensors(
                        Operation.EXPERT_FORWARD,
                        uid,
                        TIMEOUT,
                        List.of(TensorFrame.encode(
                                TensorDescriptor.of(ElementType.FLOAT32, 1, 16), ByteBuffer.allocateDirect(64)))),
                request -> server.request(request).map(reply -> {
                    int bytes = reply.body().readableBytes();
                    reply.release();
                    return bytes;
                }),
                Request::release);
    }

    @Test
    void server_toldToEnd_finishesItsCallsRefusesOthersAndWithdraws() throws Exception {
        CommandRun other = server("--num-experts", "1", "--uid-prefix", "other");
        String entrance = address(ready(other)).toString();
        CommandRun server = server(
                "--num-experts",
                "1",
                "--uid-prefix",
                "slow",
                "--expert-class",
                "nop_delay",
                "--expert-option",
                "delay=3",
                "--initial-peers",
                entrance);
        PeerConnection connection = node.connect(address(ready(server))).block(TIMEOUT);
        ExpertDirectory directory = directoryAt(PeerAddress.parse(entrance));
        assertThat(directory.find(new ExpertUid("slow.0")).collectList().block(TIMEOUT))
                .hasSize(1);
        var answer = forward(connection, "slow.0").toFuture();
        // Answered by the server's event loop, after the call before it.
        forward(connection, "no.1").onErrorComplete().block(TIMEOUT);

        server.process().destroy();
        Mono<Integer> late = forward(connection, "slow.0").then(Mono.<Integer>empty());
        assertThat(late.repeat()
                        .ignoreElements()
                        .onErrorResume(PeerUnavailableException.class, refused -> Mono.empty())
                        .blockOptional(TIMEOUT))
                .isEmpty();

        assertThat(answer.get()).isEqualTo(64);
        assertThat(server.exitCode()).isZero();
        assertThat(directory.find(new ExpertUid("slow.0")).collectList().block(TIMEOUT))
                .isEmpty();
    }

    @Test
    void server_interruptedTwice_doesNotWaitForItsCalls() throws Exception {
        CommandRun server = command(
                "server",
                "--num-experts",
                "1",
                "--hidden-dim",
                "16",
                "--expert-class",
                "nop_delay",
                "--expert-option",
                "delay=600",
                "--drain-timeout",
                "1h");
        String line = server.await("Others join with --initial-peers ");
        PeerAddress address = PeerAddress.parse(line.substring(line.lastIndexOf(' ') + 1));
        PeerConnection connection = node.connect(address).block(TIMEOUT);
        Disposable call = forward(connection, "expert.0").onErrorComplete().subscribe();
        // Answered by the server's event loop, after the call before it.
        forward(connection, "no.1").onErrorComplete().block(TIMEOUT);

        server.interrupt();
        server.await("Finishing the calls under way.");
        assertThat(server.process().isAlive()).isTrue();
        server.interrupt();

        assertThat(server.exitCode()).isEqualTo(130);
        call.dispose();
    }

    @Test
    void server_withACheckpointDirectory_goesOnWhereItWas() throws Exception {
        String[] options = {
            "--expert-uids",
            "a.1,b.7",
            "--optimizer",
            "adam",
            "--scheduler",
            "linear",
            "--num_warmup_steps",
            "2",
            "--num_training_steps",
            "9",
            "--checkpoint_dir",
            directory.resolve("state").toString()
        };
        CommandRun first = server(options);
        String entrance = address(ready(first)).toString();
        for (int i = 0; i < 3; i++) {
            command("experts", "call", "b.7", "--backward", "--initial-peers", entrance)
                    .success();
        }
        first.process().destroy();
        assertThat(first.exitCode()).isZero();
        assertThat(directory.resolve("state/b.7/checkpoint-000000000003.safetensors"))
                .exists();
        assertThat(directory.resolve("state/a.1")).isDirectoryNotContaining("glob:**.safetensors");

        CommandRun second = server(options);
        ready(second);
        String[] sgd = {"--expert-uids", "b.7", "--checkpoint-dir", options[options.length - 1]};
        assertThat(server(sgd).failure(1)).contains("Another server keeps expert b.7");
        second.process().destroy();
        second.exitCode();
        assertThat(server(sgd).failure(1)).contains("expert b.7", "same settings");
    }

    @Test
    void server_killedAndStartedAgain_takesTheCellsOfItsCheckpoints() throws Exception {
        String entrance = address(ready(server("--num-experts", "1"))).toString();
        String state = directory.resolve("state").toString();
        String[] options = {
            "--num-experts",
            "1",
            "--expert-pattern",
            "ffn.[0:32].[0:32]",
            "--initial-peers",
            entrance,
            "--identity-path",
            directory.resolve("key").toString(),
            "--checkpoint-dir",
            state,
            "--checkpoint-period",
            "50ms"
        };
        CommandRun first = server(options);
        Matcher uid = Pattern.compile("\"uids\":\\[\"([^\"]+)\"\\]").matcher(ready(first));
        assertThat(uid.find()).isTrue();
        command("experts", "call", uid.group(1), "--backward", "--initial-peers", entrance)
                .success();
        Path saved = Path.of(state, uid.group(1), "checkpoint-000000000001.safetensors");
        long end = System.nanoTime() + TIMEOUT.toNanos();
        while (!Files.exists(saved) && System.nanoTime() < end) {
            Thread.onSpinWait();
        }

        first.process().destroyForcibly();
        first.exitCode();

        assertThat(ready(server(options))).contains(uid.group());
    }

    @Test
    void server_withAModulePath_hostsWhatIsThere() throws Exception {
        Path jar = CustomModule.jar(directory);

        String ready = ready(server(
                "--num-experts", "1", "--custom-module-path", jar.toString(), "--expert-class", CustomModule.NAME));
        assertThat(ready).contains("\"numExperts\":1");

        assertThat(server("--custom-module-path", "gone.jar").failure(2)).contains("There is no gone.jar");
    }

    @Test
    void servers_startedAtOnceOnOnePattern_chooseDifferentCells() throws Exception {
        CommandRun first = server("--num-experts", "2", "--expert_pattern", "ffn.[0:4].[0:4]");
        PeerAddress entrance = address(ready(first));
        CommandRun second =
                server("--num-experts", "6", "--uid_space", "ffn.[0:4].[0:4]", "--initial_peers", entrance.toString());
        CommandRun third =
                server("--num-experts", "6", "--uid_space", "ffn.[0:4].[0:4]", "--initial-peers", entrance.toString());
        ready(second);
        ready(third);

        List<ExpertDescriptor> experts = ExpertTree.below(new ExpertPrefix("ffn."), directoryAt(entrance))
                .collectList()
                .block(TIMEOUT);

        assertThat(experts).extracting(ExpertDescriptor::uid).hasSize(14).doesNotHaveDuplicates();
    }

    @Test
    void server_onAPatternThatIsFull_saysSo() throws Exception {
        CommandRun first = server("--num-experts", "2", "--expert-pattern", "ffn.[0:2]");

        String message = server(
                        "--num-experts",
                        "2",
                        "--expert-pattern",
                        "ffn.[0:2]",
                        "--initial-peers",
                        address(ready(first)).toString())
                .failure(1);

        assertThat(message).contains("ffn.[0:2] has 0 free cells", "--expert-pattern");
    }

    @Test
    void server_withAnIdentityFile_isTheSamePeerAgain() throws Exception {
        String key = directory.resolve("peer.key").toString();
        CommandRun first = server("--num-experts", "1", "--identity-path", key);
        String before = ready(first);
        first.close();
        first.process().waitFor();

        String after = ready(server("--num-experts", "1", "--identity-path", key));

        assertThat(after.substring(0, after.indexOf("\"addresses\"")))
                .isEqualTo(before.substring(0, before.indexOf("\"addresses\"")));
    }

    @Test
    void server_onSeveralAddresses_listensOnAll() throws Exception {
        CommandRun server = server("--num-experts", "1", "--listen_on", "127.0.0.1:0,[::1]:0");

        assertThat(ready(server))
                .containsPattern("\"addresses\":\\[\"127.0.0.1:\\d+\",\"\\[(::1|0:0:0:0:0:0:0:1)]:\\d+\"]");
    }

    @Test
    void server_withMetrics_servesItsMetersAndReadiness() throws Exception {
        String ready = ready(server("--num-experts", "1", "--metrics-port", "0"));
        Matcher port = METRICS.matcher(ready);
        assertThat(port.find()).isTrue();

        assertThat(get(port.group(1), "/metrics"))
                .contains("hivemind_expert_rows_total{", "hivemind_wire_connections ");
        assertThat(get(port.group(1), "/readyz")).isEqualTo("ok\n");
    }

    private static String get(String port, String path) throws Exception {
        var uri = URI.create("http://127.0.0.1:" + port + path);
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString())
                .body();
    }

    @Test
    void server_onAMetricsPortInUse_namesItAndEnds() throws Exception {
        try (var taken = new ServerSocket(0)) {
            String message = server("--num-experts", "1", "--metrics-port", String.valueOf(taken.getLocalPort()))
                    .failure(1);

            assertThat(message).contains(":" + taken.getLocalPort(), "--metrics-port");
        }
    }

    @Test
    void server_elsewhereThanOnATerminal_printsALineEachPeriod() throws Exception {
        CommandRun server = server("--num-experts", "1", "--status-period", "100ms");

        while (server.output().stream()
                        .filter(line -> line.startsWith("{\"event\":\"status\",\"experts\":1,"))
                        .count()
                < 2) {
            assertThat(server.process().isAlive()).isTrue();
            server.process().waitFor(50, TimeUnit.MILLISECONDS);
        }
    }

    @Test
    void call_forwardAndBackward_tellsWhereTheTimeWent() throws Exception {
        String address = address(ready(server("--num-experts", "1"))).toString();

        assertThat(command("experts", "call", "expert.0", "--rows", "3", "--initial-peers", address)
                        .success())
                .satisfiesExactly(
                        title -> assertThat(title).startsWith("Forward of expert.0 at peer "),
                        roundTrip -> assertThat(roundTrip).matches("round trip  \\d+\\.\\d\\d ms"),
                        queue -> assertThat(queue).matches("queue       \\d+\\.\\d\\d ms"),
                        compute -> assertThat(compute).matches("compute     \\d+\\.\\d\\d ms"),
                        sent -> assertThat(sent).isEqualTo("sent        192 bytes"),
                        received -> assertThat(received).isEqualTo("received    192 bytes, [[3, 16]]"));
        assertThat(command("experts", "call", "expert.0", "--backward", "--json", "--initial-peers", address)
                        .success())
                .singleElement()
                .asString()
                .contains("\"operation\":\"backward\"", "\"sentBytes\":128,\"receivedBytes\":64,");
    }

    @Test
    void call_withAFile_sendsIt() throws Exception {
        String address = address(ready(server("--num-experts", "1"))).toString();
        Path file = directory.resolve("x.npy");
        writeNpy(file, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 16), }", 2 * 16);

        assertThat(command("experts", "call", "expert.0", "--input", file.toString(), "--initial-peers", address)
                        .success())
                .contains("received    128 bytes, [[2, 16]]");

        writeNpy(file, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 16), }", 4 * 16);
        assertThat(command("experts", "call", "expert.0", "--input", file.toString(), "--initial-peers", address)
                        .failure(1))
                .contains("is no array of float32");
        writeNpy(file, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 15), }", 2 * 15);
        assertThat(command("experts", "call", "expert.0", "--input", file.toString(), "--initial-peers", address)
                        .failure(1))
                .contains("(batch, 16)");
    }

    private static void writeNpy(Path file, String header, int floats) throws Exception {
        ByteBuffer bytes =
                ByteBuffer.allocate(10 + header.length() + floats * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
        bytes.putShort((short) header.length()).put(header.getBytes(StandardCharsets.ISO_8859_1));
        Files.write(file, bytes.array());
    }

    @Test
    void dhtRun_isADoorForOthers() throws Exception {
        CommandRun door = command("dht", "run", "--json", "--status-period", "100ms");
        String address = address(ready(door)).toString();

        assertThat(command("ping", address).success()).hasSize(1);
        ready(server("--num-experts", "1", "--initial-peers", address));
        assertThat(command("experts", "ls", "expert", "--initial-peers", address)
                        .success())
                .hasSize(1);
        while (door.output().stream().noneMatch(line -> line.startsWith("{\"event\":\"status\",\"nodes\":2,"))) {
            assertThat(door.process().waitFor(50, TimeUnit.MILLISECONDS)).isFalse();
        }

        door.process().destroy();
        assertThat(door.exitCode()).isZero();
    }

    @Test
    void server_ofABadPattern_showsHowToWriteIt() throws Exception {
        assertThat(server("--expert-pattern", "ffn.[0:x]").failure(2)).contains("'ffn.[0:x]' is no grid", "ffn.[0:32]");
    }
}
