package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.LauncherVersion;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hivemind dht}: looks into the DHT, and takes part in it. */
@Command(
        name = "dht",
        description = "Look into the DHT, write to it, or take part in it.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        subcommands = {
            DhtRunCommand.class,
            DhtGetCommand.class,
            DhtPutCommand.class,
            DhtPeersCommand.class,
            DhtCrawlCommand.class
        },
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind dht crawl --initial-peers 127.0.0.1:1337")
public final class DhtCommand implements Runnable {

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
