package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.launcher.options.LauncherVersion;
import dev.hivemind.launcher.output.Listing;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code hivemind dht peers}: the nodes nearest to a key, or to this visitor. */
@Command(
        name = "peers",
        description = "List up to 20 nodes of the DHT: those that keep a key, or just some.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind dht peers --key ffn. --initial-peers 127.0.0.1:1337")
final class DhtPeersCommand implements Runnable {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Option(
            names = "--key",
            paramLabel = "KEY",
            description = "The key that they keep. Default: none, just some nodes.")
    private @Nullable String key;

    @Mixin
    private InitialPeers initialPeers = new InitialPeers();

    @Option(names = "--json", description = "Print one JSON object a line instead of text.")
    private boolean json;

    @Override
    public void run() {
        try (var visitor = new Visitor()) {
            DhtNode dht = visitor.join(initialPeers.addresses());
            NodeId target = key == null ? NodeId.of(dht.id()) : DhtKey.of(key).target();
            LookupResult found = Visitor.await(dht.findNearest(target), TIMEOUT);
            Listing listing = Listing.of(System.out, json, "peerId", "addresses");
            found.closest().forEach(peer -> listing.add(peer.peerId(), peer.addresses()));
            listing.end();
        }
    }
}
