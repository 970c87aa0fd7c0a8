package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HivemindTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final Map<String, String> environment = new HashMap<>();

    @AfterEach
    void forgetLogLevel() {
        System.clearProperty("hivemind.log.level");
        System.clearProperty("hivemind.log.format");
    }

    @Test
    void run_help_listsCommandsAndExitCodes() {
        assertThat(run("--help")).isEqualTo(ExitCodes.OK);
        assertThat(out.toString()).contains("demo ", "server ", "130");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void run_version_namesBuildJavaPyTorchAndTransport() {
        assertThat(run("--version")).isEqualTo(ExitCodes.OK);
        assertThat(out.toString())
                .matches("(?s)hivemind \\d\\S* \\(commit \\S+\\)\\R.*")
                .contains("Java " + Runtime.version(), "PyTorch 2", "RSocket 1");
    }

    @Test
    void run_serverHelp_showsDefaultsAndHidesInternals() {
        assertThat(run("server", "--help")).isEqualTo(ExitCodes.OK);
        assertThat(out.toString())
                .contains("--hidden-dim", "512", "--uid-prefix", "127.0.0.1:0", "sgd, adam or none")
                .doesNotContain("--exit-with-parent", "${");
    }

    @Test
    void run_serverHelp_listsExpertClassesWithTheirOptionsAndDefaults() {
        assertThat(run("server", "--help")).isEqualTo(ExitCodes.OK);

        assertThat(out.toString())
                .contains("  nop_delay: ", "      delay: how long each batch takes", "Default: 0.5", "  ffn: ");
    }

    @Test
    void run_serverOnADeviceThatIsAbsent_saysWhatIsThere() {
        assertUsageError(
                "hivemind: There is no gpu7: PyTorch finds 0 GPUs here. It needs a build for CUDA, see docs/DEVICES.md."
                        + " See 'hivemind server --help'.",
                "server",
                "--device",
                "gpu7");
    }

    @Test
    void run_serverWithAnOptionThatItsClassDoesNotHave_namesThoseThatItHas() {
        assertUsageError(
                "hivemind: Experts of class 'ffn' have no option 'delay'. They have: hidden-dim, expansion. See"
                        + " 'hivemind server --help'.",
                "server",
                "--expert-option",
                "delay=1");
    }

    @Test
    void run_nothing_saysThatACommandIsMissing() {
        assertThat(run()).isEqualTo(ExitCodes.USAGE);
        assertThat(err.toString())
                .startsWith("hivemind: A command is missing, one of 'demo', 'train', 'server', ")
                .hasLineCount(1);
    }

    @Test
    void run_misspelledCommand_suggestsTheRightOne() {
        assertUsageError("hivemind: Unknown command 'serv'. Did you mean 'server'? See 'hivemind --help'.", "serv");
    }

    @ParameterizedTest
    @CsvSource({
        "pnig,127.0.0.1:1,pnig,ping,hivemind",
        "exprets,ls,exprets,experts,hivemind",
        "dht,crwal,crwal,crawl,hivemind dht",
        "identity,nwe,nwe,new,hivemind identity"
    })
    void run_misspelledCommandWithArguments_suggestsTheRightOne(
            String first, String second, String wrong, String right, String command) {
        assertUsageError(
                "hivemind: Unknown command '%s'. Did you mean '%s'? See '%s --help'.".formatted(wrong, right, command),
                first,
                second,
                "--json");
    }

    @Test
    void run_misspelledOptionThatIsRequired_suggestsTheRightOne() {
        assertUsageError(
                "hivemind: Unknown option '--inital-peers'. Did you mean '--initial-peers'? See 'hivemind experts ls"
                        + " --help'.",
                "experts",
                "ls",
                "ffn",
                "--inital-peers=127.0.0.1:1");
    }

    @Test
    void run_wordLikeNoOther_suggestsNothing() {
        assertUsageError("hivemind: Unknown command 'frobnicate'. See 'hivemind --help'.", "frobnicate");
    }

    @Test
    void run_misspelledOption_suggestsTheRightOne() {
        assertUsageError(
                "hivemind: Unknown option '--listn-on'. Did you mean '--listen-on'? See 'hivemind server --help'.",
                "server",
                "--listn-on",
                "127.0.0.1:0");
    }

    @Test
    void run_nonsenseAddress_showsHowToWriteOne() {
        assertUsageError(
                "hivemind: Invalid value for option '--listen-on' (HOST:PORT): 'nonsense' is not an address. Write"
                        + " HOST:PORT, for example 127.0.0.1:1337 or [::1]:1337. See 'hivemind server --help'.",
                "server",
                "--listen-on",
                "nonsense");
    }

    @Test
    void run_unusableVariable_namesIt() {
        environment.put("HIVEMIND_NUM_EXPERTS", "many");

        assertUsageError(
                "hivemind: variable HIVEMIND_NUM_EXPERTS: Invalid value for option '--num-experts': 'many' is not a"
                        + " whole number from 1 to 2147483647. See 'hivemind server --help'.",
                "server");
    }

    @Test
    void run_unusableValueInTheConfig_namesFileLineAndKey(@TempDir Path directory) throws Exception {
        Path config = Files.writeString(directory.resolve("hivemind.yml"), "server:\n  seed: 7\n  num_experts: 0\n");

        assertUsageError(
                "hivemind: " + config + ", line 3, key 'server.num-experts': Invalid value for option '--num-experts':"
                        + " '0' is not a whole number from 1 to 2147483647. See 'hivemind server --help'.",
                "server",
                "--config",
                config.toString());
    }

    @Test
    void run_configThatIsAbsent_namesIt() {
        assertUsageError("hivemind: no-such.yml: there is no such file.", "server", "--config=no-such.yml");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bash", "zsh"})
    void run_completion_printsAScriptThatKnowsCommandsButNoHiddenOptions(String shell) {
        assertThat(run("completion", shell)).isEqualTo(ExitCodes.OK);
        assertThat(out.toString())
                .contains("complete -F", "server", "--listen-on")
                .doesNotContain("--exit-with-parent", "--expert_cls");
    }

    @ParameterizedTest
    @CsvSource({
        "server,--hidden-dim,0",
        "server,--hidden-dim,many",
        "server,--num-experts,-1",
        "server,--num-experts,99999999999",
        "server,--first-index,-1",
        "server,--learning-rate,0",
        "server,--learning-rate,NaN",
        "server,--learning-rate,Infinity",
        "server,--max-batch-size,0",
        "server,--optimizer,magic",
        "server,--initial-peers,'127.0.0.1:1,127.0.0.1:0'",
        "server,--initial-peers,127.0.0.1",
        "server,--listen-on,127.0.0.1:70000",
        "server,--device,tpu",
        "server,--device,gpu-1",
        "server,--device-threads,0",
        "server,--intra-op-threads,x",
        "server,--expert-option,delay",
        "server,--expert-option,hidden-dim=0",
        "server,--uid-prefix,a b",
        "server,--uid-prefix,expert.",
        "demo,--steps,0",
        "demo,--seed,x",
        "demo,--servers,0",
        "demo,--servers,17",
        "demo,--servers,1",
        "demo,--experts,2"
    })
    void run_valueOutOfBounds_isAUsageErrorOfOneLine(String command, String option, String value) {
        assertThat(run(command, option, value)).isEqualTo(ExitCodes.USAGE);
        assertThat(err.toString()).startsWith("hivemind: ").hasLineCount(1).endsWith("--help'.\n");
        assertThat(out.toString()).isEmpty();
    }

    private int run(String... arguments) {
        return Hivemind.run(new PrintWriter(out), new PrintWriter(err), environment, arguments);
    }

    private void assertUsageError(String line, String... arguments) {
        assertThat(run(arguments)).isEqualTo(ExitCodes.USAGE);
        assertThat(err.toString()).isEqualToIgnoringNewLines(line);
        assertThat(out.toString()).isEmpty();
    }
}
