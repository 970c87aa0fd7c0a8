package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.launcher.output.Listing;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code hivemind dht peers}: the nodes nearest to a key, or to this visitor. */
@Command(
        name = "peers",
        description = "List up to 20 nodes of the DHT: those that keep a key, or just some.",
        footer = "%nExample: hivemind dht peers --key ffn. --initial-peers 127.0.0.1:1337")
final class DhtPeersCommand extends VisitCommand {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Option(
            names = "--key",
            paramLabel = "KEY",
            description = "The key that they keep. Default: none, just some nodes.")
    private @Nullable String key;

    @Override
    void visit(Visitor visitor, List<PeerAddress> initialPeers) {
        DhtNode dht = visitor.join(initialPeers);
        NodeId target = key == null ? NodeId.of(dht.id()) : DhtKey.of(key).target();
        LookupResult found = Visitor.await(dht.findNearest(target), TIMEOUT);
        Listing listing = Listing.of(System.out, isJson(), "peerId", "addresses");
        found.closest().forEach(peer -> listing.add(peer.peerId(), peer.addresses()));
        listing.end();
    }
}
