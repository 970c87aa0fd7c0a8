package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.AddressConverter;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a peer that stays listens, whom it joins, and who it is. */
public final class ListenChoice {

    @Option(
            names = "--listen-on",
            paramLabel = "HOST:PORT",
            split = ",",
            splitSynopsisLabel = ",",
            defaultValue = "127.0.0.1:0",
            converter = AddressConverter.class,
            description =
                    "Where to listen, IPv4 or IPv6, such as [::]:1337; several with commas between them. Port 0 takes"
                            + " a free one. Default: ${DEFAULT-VALUE}.")
    private List<PeerAddress> listenOn = List.of();

    @Option(
            names = "--initial-peers",
            paramLabel = "HOST:PORT",
            split = ",",
            splitSynopsisLabel = ",",
            converter = AddressConverter.OfPeer.class,
            description = "Peers to join, with commas between them. Default: none, be the first.")
    private List<PeerAddress> initialPeers = List.of();

    @Option(
            names = "--identity-path",
            paramLabel = "FILE",
            description =
                    "Where the private key of the peer is kept; made if it does not exist. Default: a new one each"
                            + " time.")
    private @Nullable Path identity;

    /** Options that are not given yet. */
    public ListenChoice() {}

    /** Where it listens; at least one address. */
    public List<PeerAddress> listenOn() {
        return List.copyOf(listenOn);
    }

    /** Whom it joins; empty for the first of a swarm. */
    public List<PeerAddress> initialPeers() {
        return List.copyOf(initialPeers);
    }

    /** The file of its private key; null for a new one. */
    public @Nullable Path identity() {
        return identity;
    }

    /** A peer that listens there and has that identity. */
    PeerNode.Builder node() {
        PeerNode.Builder node = PeerNode.builder().listen(listenOn.toArray(PeerAddress[]::new));
        return identity == null ? node : node.identity(IdentityFile.readOrCreate(identity));
    }
}
