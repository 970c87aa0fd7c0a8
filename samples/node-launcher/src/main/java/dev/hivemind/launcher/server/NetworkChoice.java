package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.AddressConverter;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a server listens, whom it joins, and who it is. */
final class NetworkChoice {

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
            names = "--dht-port",
            paramLabel = "PORT",
            converter = NumberConverters.NotNegative.class,
            description =
                    "A further port to listen on, for peers that know one for the DHT alone. Default: none, experts"
                            + " and the DHT share the ports of --listen-on.")
    private @Nullable Integer dhtPort;

    @Option(
            names = "--announce",
            paramLabel = "HOST:PORT",
            split = ",",
            splitSynopsisLabel = ",",
            converter = AddressConverter.OfPeer.class,
            description =
                    "Where others are told to connect. Default: where it listens, or the addresses of this machine.")
    private List<PeerAddress> announce = List.of();

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

    NetworkOptions options() {
        List<PeerAddress> addresses = new ArrayList<>(listenOn);
        if (dhtPort != null && !listenOn.isEmpty()) {
            PeerAddress first = listenOn.get(0);
            if (dhtPort != first.port()) {
                addresses.add(first.withPort(dhtPort));
            }
        }
        return new NetworkOptions(List.copyOf(addresses), List.copyOf(announce), List.copyOf(initialPeers), identity);
    }
}
