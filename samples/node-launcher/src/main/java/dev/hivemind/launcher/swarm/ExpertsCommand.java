package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.CommandGroup;
import picocli.CommandLine.Command;

/** {@code hivemind experts}: finds experts, and calls them. */
@Command(
        name = "experts",
        description = "Find the experts of a swarm, and call them.",
        footer = "%nExample: hivemind experts ls ffn --initial-peers 127.0.0.1:1337")
public final class ExpertsCommand extends CommandGroup {

    /** A group whose commands are not made yet. */
    public ExpertsCommand() {
        add("ls", ExpertsLsCommand.class);
        add("show", ExpertsShowCommand.class);
        add("call", ExpertsCallCommand.class);
    }
}
