package dev.hivemind.launcher;

import dev.hivemind.launcher.bench.BenchCommand;
import dev.hivemind.launcher.dashboard.DashboardCommand;
import dev.hivemind.launcher.logging.LogConfiguration;
import dev.hivemind.launcher.options.Aliases;
import dev.hivemind.launcher.options.CommandGroup;
import dev.hivemind.launcher.options.ConfigException;
import dev.hivemind.launcher.options.DefaultValues;
import dev.hivemind.launcher.server.ExpertChoice;
import dev.hivemind.launcher.server.ServerCommand;
import dev.hivemind.launcher.swarm.DhtCommand;
import dev.hivemind.launcher.swarm.ExpertsCommand;
import dev.hivemind.launcher.swarm.IdentityCommand;
import dev.hivemind.launcher.swarm.PingCommand;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The {@code hivemind} command. Its work is done by subcommands. */
@Command(
        name = "hivemind",
        description = "Train mixtures of experts on computers that come and go.",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:all went well",
            "1:the work failed; the message says why",
            "2:the command line is wrong",
            "3:no peer could be reached",
            "130:interrupted"
        },
        footer = {
            "%nOptions are also taken from variables such as HIVEMIND_LOG_LEVEL, and from the file of --config.",
            "Start with 'hivemind demo'. 'hivemind COMMAND --help' explains a command."
        })
public final class Hivemind extends CommandGroup {

    private boolean verbose;

    Hivemind() {
        add("demo", DemoCommand.class);
        add("train", TrainCommand.class);
        add("server", ServerCommand.class);
        add("dashboard", DashboardCommand.class);
        add("dht", DhtCommand.class);
        add("experts", ExpertsCommand.class);
        add("ping", PingCommand.class);
        add("identity", IdentityCommand.class);
        add("bench", BenchCommand.class);
        add("completion", CompletionCommand.class);
        add("rehearse", RehearseCommand.class);
    }

    /** Runs the command line and ends the JVM with the command's exit code. */
    public static void main(String[] arguments) {
        Charset charset = Charset.defaultCharset();
        var out = new PrintWriter(System.out, true, charset);
        var err = new PrintWriter(System.err, true, charset);
        System.exit(run(out, err, System.getenv(), arguments));
    }

    /**
     * Runs a command line.
     *
     * @param out receives help and version
     * @param err receives error messages
     * @param environment variables that stand for options
     * @return an exit code of {@link ExitCodes}
     */
    static int run(PrintWriter out, PrintWriter err, Map<String, String> environment, String... arguments) {
        var command = new Hivemind();
        List<String> words = DefaultValues.haveFile(List.of(arguments), environment) ? List.of() : List.of(arguments);
        CommandLine line = commandLine(command, words).setOut(out).setErr(err);
        try {
            String[] known = Aliases.replaceIn(arguments, line.getCommandSpec());
            var defaults = DefaultValues.of(line.getCommandSpec(), List.of(known), environment);
            return run(line.setDefaultValueProvider(defaults), command, defaults, known);
        } catch (ConfigException unusable) {
            err.println("hivemind: " + ErrorReporter.sentence(String.valueOf(unusable.getMessage())));
            return ExitCodes.USAGE;
        }
    }

    private static int run(CommandLine line, Hivemind command, DefaultValues defaults, String... arguments) {
        var reporter = new ErrorReporter(() -> command.verbose, defaults);
        line.setParameterExceptionHandler(reporter);
        line.setExecutionExceptionHandler(reporter);
        try {
            return line.execute(arguments);
        } catch (Error error) {
            return reporter.report(error, line.getErr());
        }
    }

    /** The command line with all commands. */
    static CommandLine commandLine() {
        return commandLine(new Hivemind(), List.of());
    }

    private static CommandLine commandLine(Hivemind command, List<String> words) {
        CommandLine line = command.commandLine(words)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUnmatchedOptionsArePositionalParams(false)
                .setAbbreviatedOptionsAllowed(false);
        CommandLine server = line.getSubcommands().get("server");
        if (server != null) {
            server.getHelpSectionMap()
                    .put(UsageMessageSpec.SECTION_KEY_FOOTER, help -> ExpertChoice.help() + help.footer());
        }
        return line;
    }

    @Option(
            names = "--config",
            paramLabel = "FILE",
            scope = ScopeType.INHERIT,
            description = "Take options from this YAML file that neither flags nor the environment give.")
    void setConfig(@Nullable Path file) {
        // Read before the command line is, since it supplies defaults for it.
    }

    @Option(
            names = "--log-level",
            paramLabel = "LEVEL",
            scope = ScopeType.INHERIT,
            description = "Log this and worse: error, warn, info, debug or trace. Default: warn.")
    void setLogLevel(@Nullable LogLevel level) {
        if (level != null) {
            System.setProperty(LogConfiguration.LEVEL, level.name());
        }
    }

    @Option(
            names = "--log-format",
            paramLabel = "FORMAT",
            scope = ScopeType.INHERIT,
            description = "Log lines for people, text, or for programs, json. Default: text.")
    void setLogFormat(@Nullable LogFormat format) {
        if (format != null) {
            System.setProperty(LogConfiguration.FORMAT, format.name().toLowerCase(Locale.ROOT));
        }
    }

    @Option(
            names = "--verbose",
            scope = ScopeType.INHERIT,
            description = "Log more, and print the stack trace of a failure.")
    void setVerbose(boolean verbose) {
        this.verbose = verbose;
        if (verbose && System.getProperty(LogConfiguration.LEVEL) == null) {
            System.setProperty(LogConfiguration.LEVEL, LogLevel.INFO.name());
        }
    }

    private enum LogLevel {
        ERROR,
        WARN,
        INFO,
        DEBUG,
        TRACE
    }

    private enum LogFormat {
        TEXT,
        JSON
    }
}
