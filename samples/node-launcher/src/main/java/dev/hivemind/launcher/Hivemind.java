package dev.hivemind.launcher;

import static java.util.Objects.requireNonNull;

import java.io.PrintWriter;
import java.nio.charset.Charset;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code hivemind} command. Its work is done by subcommands. */
@Command(
        name = "hivemind",
        description = "Train mixtures of experts on computers that come and go.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        subcommands = {DemoCommand.class, ServerCommand.class},
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false,
        usageHelpAutoWidth = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:all went well",
            "1:the work failed; the message says why",
            "2:the command line is wrong",
            "3:no peer could be reached",
            "130:interrupted"
        },
        footer = "%nStart with 'hivemind demo'. 'hivemind COMMAND --help' explains a command.")
public final class Hivemind implements Runnable {

    private static final String LOG_LEVEL = "hivemind.log.level";

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    private boolean verbose;

    Hivemind() {}

    /** Runs the command line and ends the JVM with the command's exit code. */
    public static void main(String[] arguments) {
        Charset charset = Charset.defaultCharset();
        var out = new PrintWriter(System.out, true, charset);
        var err = new PrintWriter(System.err, true, charset);
        System.exit(run(out, err, arguments));
    }

    /**
     * Runs a command line.
     *
     * @param out receives help and version
     * @param err receives error messages
     * @return an exit code of {@link ExitCodes}
     */
    static int run(PrintWriter out, PrintWriter err, String... arguments) {
        var command = new Hivemind();
        var reporter = new ErrorReporter(() -> command.verbose);
        CommandLine line = commandLine(command).setOut(out).setErr(err);
        line.setParameterExceptionHandler(reporter);
        line.setExecutionExceptionHandler(reporter);
        try {
            return line.execute(arguments);
        } catch (Error error) {
            return reporter.report(error, err);
        }
    }

    private static CommandLine commandLine(Hivemind command) {
        CommandLine line = new CommandLine(command)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUnmatchedOptionsArePositionalParams(false)
                .setAbbreviatedOptionsAllowed(false);
        requireNonNull(line.getSubcommands().get("server"))
                .getHelpSectionMap()
                .put(UsageMessageSpec.SECTION_KEY_FOOTER, help -> ExpertChoice.help());
        return line;
    }

    @Option(
            names = "--verbose",
            scope = ScopeType.INHERIT,
            description = "Log more, and print the stack trace of a failure.")
    void setVerbose(boolean verbose) {
        this.verbose = verbose;
        if (verbose) {
            System.setProperty(LOG_LEVEL, "INFO");
        }
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "A command is missing: 'demo' or 'server'.");
    }
}
