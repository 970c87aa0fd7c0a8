package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.AddressConverter;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.launcher.swarm.ListenChoice;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where a server listens, whom it joins, and who it is. */
final class NetworkChoice {

    @Mixin
    private ListenChoice listening = new ListenChoice();

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

    NetworkOptions options() {
        List<PeerAddress> addresses = new ArrayList<>(listening.listenOn());
        if (dhtPort != null && !addresses.isEmpty()) {
            PeerAddress first = addresses.get(0);
            if (dhtPort != first.port()) {
                addresses.add(first.withPort(dhtPort));
            }
        }
        return new NetworkOptions(
                List.copyOf(addresses), List.copyOf(announce), listening.initialPeers(), listening.identity());
    }
}
