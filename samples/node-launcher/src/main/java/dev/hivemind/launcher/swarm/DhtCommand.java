package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.CommandGroup;
import picocli.CommandLine.Command;

/** {@code hivemind dht}: looks into the DHT, and takes part in it. */
@Command(
        name = "dht",
        description = "Look into the DHT, write to it, or take part in it.",
        footer = "%nExample: hivemind dht crawl --initial-peers 127.0.0.1:1337")
public final class DhtCommand extends CommandGroup {

    /** A group whose commands are not made yet. */
    public DhtCommand() {
        add("run", DhtRunCommand.class);
        add("get", DhtGetCommand.class);
        add("put", DhtPutCommand.class);
        add("peers", DhtPeersCommand.class);
        add("crawl", DhtCrawlCommand.class);
    }
}
