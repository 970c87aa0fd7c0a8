package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.LauncherVersion;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hivemind experts}: finds experts, and calls them. */
@Command(
        name = "experts",
        description = "Find the experts of a swarm, and call them.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        subcommands = {ExpertsLsCommand.class, ExpertsShowCommand.class, ExpertsCallCommand.class},
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind experts ls ffn --initial-peers 127.0.0.1:1337")
public final class ExpertsCommand implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "A command is missing, one of '%s'"
                        .formatted(String.join("', '", spec.subcommands().keySet())));
    }
}
