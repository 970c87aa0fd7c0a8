package dev.hivemind.launcher.options;

import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What every command has: its help, the version, and somewhere to write to. */
@Command(
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true)
public abstract class HivemindCommand {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /** A command; picocli fills in what its command line says. */
    protected HivemindCommand() {}

    /** This command as picocli knows it. */
    protected final CommandSpec spec() {
        return spec;
    }

    /** Where texts for people go. */
    protected final PrintWriter out() {
        return spec.commandLine().getOut();
    }

    /** Writes a line for people, at once. */
    protected final void say(String line) {
        out().println(line);
        out().flush();
    }

    /** The failure that the command line is wrong. */
    protected final ParameterException usageError(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** The failure that the command line is wrong, as something found that was given parts of it. */
    protected final ParameterException usageError(IllegalArgumentException cause) {
        return new ParameterException(spec.commandLine(), String.valueOf(cause.getMessage()), cause);
    }
}
