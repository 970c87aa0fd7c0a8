package dev.hivemind.launcher.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

class DefaultValuesTest {

    @TempDir
    private Path directory;

    private final Map<String, String> environment = new HashMap<>();
    private String yaml = "";

    @Test
    void value_nowhereGiven_isTheDefault() throws IOException {
        assertThat(server().listenOn).isEqualTo("none");
    }

    @Test
    void value_inTheConfig_winsOverTheDefault() throws IOException {
        yaml = "server:\n  listen-on: file\n";

        assertThat(server().listenOn).isEqualTo("file");
    }

    @Test
    void value_inTheEnvironment_winsOverTheConfig() throws IOException {
        yaml = "server:\n  listen-on: file\n";
        environment.put("HIVEMIND_LISTEN_ON", "variable");

        assertThat(server().listenOn).isEqualTo("variable");
    }

    @Test
    void value_ofAFlag_winsOverTheEnvironment() throws IOException {
        environment.put("HIVEMIND_LISTEN_ON", "variable");

        assertThat(server("--listen-on", "flag").listenOn).isEqualTo("flag");
    }

    @Test
    void value_ofAnAliasAsFlag_winsOverTheEnvironment() throws IOException {
        environment.put("HIVEMIND_LISTEN_ON", "variable");

        assertThat(server("--listen_on", "flag").listenOn).isEqualTo("flag");
    }

    @Test
    void value_blankInTheEnvironment_isNone() throws IOException {
        environment.put("HIVEMIND_LISTEN_ON", " ");

        assertThat(server().listenOn).isEqualTo("none");
    }

    @Test
    void value_atTheTopOfTheConfig_holdsForEveryCommandThatHasTheOption() throws IOException {
        yaml = "listen_on: all\n";

        assertThat(server().listenOn).isEqualTo("all");
    }

    @Test
    void value_listInTheConfig_isSeveralValues() throws IOException {
        yaml = "server:\n  initial_peers: [a, b]\n";

        assertThat(server().initialPeers).containsExactly("a", "b");
    }

    @Test
    void value_listOfFlags_replacesTheConfigs() throws IOException {
        yaml = "server:\n  initial_peers: [a, b]\n";

        assertThat(server("--initial_peers", "c", "--initial_peers", "d").initialPeers)
                .containsExactly("c", "d");
    }

    @Test
    void value_mapInTheConfig_isSeveralPairs() throws IOException {
        yaml = "server:\n  expert-option:\n    delay: 0.5\n    width: 3\n";

        assertThat(server().expertOption).isEqualTo(Map.of("delay", "0.5", "width", "3"));
    }

    @Test
    void value_ofASwitch_isTrueOrFalse() throws IOException {
        yaml = "server:\n  json: true\n";

        assertThat(server().json).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "--expert_cls,--expert-class",
        "--expert-cls,--expert-class",
        "--uid_space,--expert-pattern",
        "--listen_on,--listen-on"
    })
    void alias_seeds_standsForAnOption(String alias, String option) {
        CommandLine line = new CommandLine(new Server());

        line.parseArgs(Aliases.replaceIn(new String[] {alias, "x"}, line.getCommandSpec()));

        assertThat(line.getCommandSpec().findOption(option).<String>getValue()).isEqualTo("x");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "server: 3 #line 1, key 'server'",
                "server:\n  no-such: 3 #line 2, key 'server.no-such'",
                "no_such: 3 #line 1, key 'no-such'",
                "server:\n  a: [ #line 2",
                "server:\n  listen-on: [[a]] #line 2, key 'server.listen-on'",
                "- a #line 1"
            })
    void config_unusable_namesFileLineAndKey(String text) {
        yaml = text;

        assertThatThrownBy(this::server)
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith(file() + ", " + text.substring(text.indexOf('#') + 1))
                .message()
                .doesNotContain("\n");
    }

    @Test
    void config_binary_namesTheFile() throws IOException {
        Files.write(file(), new byte[] {(byte) 0xff, (byte) 0xfe});

        assertThatThrownBy(() -> read("--config", file().toString()))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith(file().toString());
    }

    @Test
    void config_namedByTheEnvironment_isRead() throws IOException {
        Files.writeString(file(), "listen-on: file\n");
        environment.put("HIVEMIND_CONFIG", file().toString());

        assertThat(read("server").listenOn).isEqualTo("file");
    }

    private Path file() {
        return directory.resolve("hivemind.yml");
    }

    private Server server(String... arguments) throws IOException {
        Files.write(file(), yaml.getBytes(StandardCharsets.UTF_8));
        List<String> all = new ArrayList<>(List.of("--config", file().toString(), "server"));
        all.addAll(List.of(arguments));
        return read(all.toArray(String[]::new));
    }

    private Server read(String... arguments) {
        CommandLine line = new CommandLine(new Root());
        CommandLine server = line.getSubcommands().get("server");
        String[] known = Aliases.replaceIn(arguments, line.getCommandSpec());
        line.setDefaultValueProvider(DefaultValues.of(line.getCommandSpec(), List.of(known), environment));
        line.parseArgs(known);
        return server.getCommand();
    }

    @Command(name = "root", subcommands = Server.class)
    static final class Root {

        @Option(names = "--config", scope = ScopeType.INHERIT)
        private Path config;
    }

    @Command(name = "server")
    static final class Server {

        @Option(names = "--listen-on", defaultValue = "none")
        private String listenOn;

        @Option(names = "--initial-peers", split = ",")
        private List<String> initialPeers;

        @Option(names = "--expert-class", defaultValue = "ffn")
        private String expertClass;

        @Option(names = "--expert-pattern")
        private String pattern;

        @Option(names = "--expert-option", split = ",")
        private Map<String, String> expertOption;

        @Option(names = "--json")
        private boolean json;
    }
}
