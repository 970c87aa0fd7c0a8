package dev.hivemind.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;

/**
 * {@code docs/CLI.md} holds the help of every command, as it is now. {@code -Dhivemind.docs.write=true} writes it anew.
 */
class CliDocumentTest {

    private static final int WIDTH = 100;

    /** What follows the name of the program, up to another sentence. */
    private static final Pattern EXAMPLE = Pattern.compile("(?:[ (]|^)hivemind ((?:[^,\\n]|,(?=\\S))+)");

    @Test
    void document_isTheHelpOfEveryCommand() throws IOException {
        Path document = documents().resolve("CLI.md");
        String text = document();
        if (Boolean.getBoolean("hivemind.docs.write")) {
            Files.writeString(document, text);
        }

        assertThat(document)
                .as("run the test again with -Dhivemind.docs.write=true, and look at what changed")
                .content()
                .isEqualToNormalizingNewlines(text);
    }

    @Test
    void everyCommand_hasExamplesThatItUnderstands() {
        var checked = new ArrayList<String>();
        for (CommandLine command : commands(Hivemind.commandLine())) {
            String name = command.getCommandSpec().qualifiedName();
            List<String> examples = EXAMPLE.matcher(String.join(
                            "\n", command.getCommandSpec().usageMessage().footer()))
                    .results()
                    .map(match -> match.group(1))
                    .toList();
            assertThat(examples).as("examples of " + name).isNotEmpty();
            for (String example : examples) {
                assertThatCode(() -> Hivemind.commandLine().parseArgs(words(example)))
                        .as(example)
                        .doesNotThrowAnyException();
                checked.add(example);
            }
        }
        assertThat(checked).hasSizeGreaterThan(20);
    }

    private static String[] words(String example) {
        return example.replace("'", "").replace(")", "").split(" ");
    }

    /** All commands that do something, and are shown. */
    private static List<CommandLine> commands(CommandLine command) {
        if (command.getCommandSpec().usageMessage().hidden()) {
            return List.of();
        }
        var all = new ArrayList<CommandLine>();
        if (command.getCommandSpec().parent() != null) {
            all.add(command);
        }
        command.getSubcommands().values().forEach(below -> all.addAll(commands(below)));
        return all;
    }

    /** Tests run in the directory of their module, or in one of its parents. */
    private static Path documents() {
        Path directory = Path.of("").toAbsolutePath();
        while (!Files.exists(directory.resolve("docs").resolve("ARCHITECTURE.md"))) {
            directory = directory.getParent();
        }
        return directory.resolve("docs");
    }

    private static String document() {
        var text = new StringBuilder("""
            # The hivemind command

            This is what `--help` says, command by command; a test keeps it so.

            An option is given as a flag, as a variable of the environment, or in the YAML file of `--config`, and the first
            of them wins: `--listen-on 0.0.0.0:1337` is `HIVEMIND_LISTEN_ON=0.0.0.0:1337`, or

            ```yaml
            log-level: info            # for every command that has the option
            server:                    # for this command
              listen-on: 0.0.0.0:1337
              initial-peers: [a.example.org:1337, b.example.org:1337]
            ```

            Underscores will do for dashes, and the names of hivemind for Python for ours: `--expert_cls` is `--expert-class`,
            `--uid_space` is `--expert-pattern`, `--host_maddrs` is `--listen-on`, `--announce_maddrs` is `--announce`,
            `--update_period` is `--announce-period`, and `--stats_report_interval` is `--status-period`.

            Commands that print data print one JSON object a line with `--json`; without it they print a table on a terminal,
            and elsewhere lines with a tab between two values. Colours appear on a terminal alone, unless `NO_COLOR` is set.
            """);
        append(text, Hivemind.commandLine());
        return text.toString();
    }

    private static void append(StringBuilder text, CommandLine command) {
        CommandSpec spec = command.getCommandSpec();
        if (spec.usageMessage().hidden()) {
            return;
        }
        spec.usageMessage().autoWidth(false).width(WIDTH);
        text.append("\n## ").append(spec.qualifiedName()).append("\n\n```\n");
        text.append(command.getUsageMessage(Ansi.OFF).strip()).append("\n```\n");
        command.getSubcommands().values().forEach(subcommand -> append(text, subcommand));
    }
}
