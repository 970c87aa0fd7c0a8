package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
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
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Runs the commands of the quickstart, in their order, as processes. */
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class QuickstartCommandsTest {

    private static final Path QUICKSTART = Path.of("../../docs/QUICKSTART.md");
    private static final Pattern SHELL = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
    private static final Pattern JOIN = Pattern.compile("Others join with --initial-peers (\\S+)");
    private static final String DOCUMENTED_ADDRESS = "127.0.0.1:1337";
    private static final String READY = "Ctrl-C ends it.";
    private static final long TIMEOUT_SECONDS = 300;

    @TempDir
    private Path directory;

    private final List<CommandRun> servers = new ArrayList<>();

    /** That of the first server, once it is there. */
    private String address = "127.0.0.1:0";

    @AfterEach
    void end() {
        servers.forEach(CommandRun::close);
    }

    @Test
    void commands_inTheirOrder_doWhatTheQuickstartSays() throws Exception {
        List<String> output = new ArrayList<>();
        for (String command : commands()) {
            output.addAll(run(command));
        }

        assertThat(servers).hasSize(4);
        assertThat(String.join("\n", output))
                .startsWith("hivemind ")
                .contains("expert.9")
                .contains("expert.4")
                .containsPattern("\\[[\\d.E-]+(, [\\d.E-]+){99}\\]")
                .containsPattern("After epoch 1: [78]\\d\\.\\d\\d % of the test pictures")
                .containsPattern("Going on after step 31\\d")
                .containsPattern("After epoch 2: [78]\\d\\.\\d\\d % of the test pictures")
                .contains("product.0")
                .contains("Step 500: loss 0.0");
    }

    private static List<String> commands() throws IOException {
        Matcher blocks = SHELL.matcher(Files.readString(QUICKSTART).replace("\\\n", " "));
        List<String> commands = new ArrayList<>();
        while (blocks.find()) {
            commands.addAll(blocks.group(1).lines().toList());
        }
        return commands;
    }

    /** Other ports than those of the document, which may be taken, and fewer epochs. */
    private List<String> run(String documented) throws Exception {
        String command = documented
                .replace(DOCUMENTED_ADDRESS, address)
                .replace(" 7 run ", " 2 run ")
                .replace(" run", " " + directory.resolve("run"));
        String[] words = command.strip().split(" +");
        if (command.endsWith(" &")) {
            startServer(List.of(words).subList(1, words.length - 1));
            return List.of();
        }
        return words[0].equals("java")
                ? runSample(words)
                : runHivemind(List.of(words).subList(1, words.length));
    }

    private List<String> runHivemind(List<String> arguments) throws Exception {
        try (CommandRun run = CommandRun.start(directory, Map.of(), arguments.toArray(String[]::new))) {
            return run.success();
        }
    }

    /** {@code java -D… -cp hivemind.jar MAIN ARGUMENTS}, by the classes of this build instead of its jar. */
    private List<String> runSample(String... words) throws Exception {
        assertThat(words[3]).isEqualTo("samples/node-launcher/target/hivemind.jar");
        words[0] = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        words[3] = System.getProperty("java.class.path");
        Path out = Files.createTempFile(directory, "out", "");
        Path err = Files.createTempFile(directory, "err", "");
        Process process = new ProcessBuilder(words)
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        try (var run = new CommandRun(process, out, err)) {
            assertThat(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)).isTrue();
            return run.success();
        }
    }

    private void startServer(List<String> arguments) throws IOException {
        CommandRun server = CommandRun.start(directory, Map.of(), arguments.toArray(String[]::new));
        servers.add(server);
        List<String> told = Mono.fromCallable(server::output)
                .filter(lines -> lines.contains(READY) || !server.process().isAlive())
                .repeatWhenEmpty(empty -> Flux.from(empty).concatMap(attempt -> Mono.delay(Duration.ofMillis(50))))
                .blockOptional(Duration.ofSeconds(TIMEOUT_SECONDS))
                .orElseThrow();
        assertThat(told).as(() -> errors(server)).contains(READY);
        if (servers.size() == 1) {
            address = told.stream()
                    .map(JOIN::matcher)
                    .filter(Matcher::find)
                    .map(matcher -> matcher.group(1))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static String errors(CommandRun run) {
        try {
            return String.join("\n", run.errors());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
