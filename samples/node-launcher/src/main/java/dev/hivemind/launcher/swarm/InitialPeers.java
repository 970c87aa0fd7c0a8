package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.AddressConverter;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import picocli.CommandLine.Option;

/** Where a command enters the swarm. */
public final class InitialPeers {

    @Option(
            names = "--initial-peers",
            paramLabel = "HOST:PORT",
            required = true,
            split = ",",
            splitSynopsisLabel = ",",
            converter = AddressConverter.OfPeer.class,
            description = "Peers of the swarm, with commas between them; one that answers is enough.")
    private List<PeerAddress> addresses = List.of();

    /** Options that are not given yet. */
    public InitialPeers() {}

    /** The peers, at least one. */
    public List<PeerAddress> addresses() {
        return List.copyOf(addresses);
    }
}
