package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.DhtSnapshot;
import dev.hivemind.launcher.options.AddressConverter;
import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.LauncherVersion;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.StatusLine;
import dev.hivemind.launcher.process.EndSignal;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code hivemind dht run}: a node that hosts no experts, for others to enter the swarm by. */
@Command(
        name = "run",
        description = "Take part in the DHT without hosting experts, as a door for others and a keeper of records.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind dht run --listen-on 0.0.0.0:1337 --identity-path peer.key")
final class DhtRunCommand implements Callable<Integer> {

    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(
            names = "--listen-on",
            paramLabel = "HOST:PORT",
            split = ",",
            splitSynopsisLabel = ",",
            defaultValue = "127.0.0.1:0",
            converter = AddressConverter.class,
            description = "Where to listen, IPv4 or IPv6; several with commas between them. Port 0 takes a free one."
                    + " Default: ${DEFAULT-VALUE}.")
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

    @Option(
            names = "--status-period",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = DurationConverter.class,
            description = "The time between two status lines. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration statusPeriod;

    @Option(names = "--json", description = "Print one JSON object a line instead of text.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        PeerNode.Builder builder = PeerNode.builder().listen(listenOn.toArray(PeerAddress[]::new));
        if (identity != null) {
            builder.identity(IdentityFile.readOrCreate(identity));
        }
        EndSignal end = EndSignal.listen();
        PeerNode node = builder.build();
        DhtNode dht = DhtNode.builder(node).initialPeers(initialPeers).build();
        try {
            Entrance.through(initialPeers, () -> Visitor.await(node.start().then(dht.start()), START_TIMEOUT));
            announce(node);
            Disposable status = reportStatus(dht);
            int code = end.await();
            status.dispose();
            return code;
        } finally {
            dht.close()
                    .onErrorComplete()
                    .then(node.close())
                    .timeout(CLOSE_TIMEOUT, Mono.empty())
                    .block();
        }
    }

    private void announce(PeerNode node) {
        if (json) {
            Map<String, Object> ready = new LinkedHashMap<>();
            ready.put("event", "ready");
            ready.put("peerId", node.id());
            ready.put("addresses", node.addresses());
            new JsonLines(System.out).write(ready);
            return;
        }
        var out = spec.commandLine().getOut();
        out.printf("A node of the DHT, as peer %s.%n", node.id().toShortString());
        node.addresses().forEach(address -> out.printf("Others join with --initial-peers %s%n", address));
        out.println("Ctrl-C ends it.");
        out.flush();
    }

    private Disposable reportStatus(DhtNode dht) {
        StatusLine line = StatusLine.on(System.out);
        return Flux.interval(statusPeriod)
                .onBackpressureDrop()
                .concatMap(tick -> dht.snapshot().onErrorComplete(), 0)
                .doOnNext(snapshot -> show(line, snapshot))
                .doFinally(signal -> line.end())
                .subscribe();
    }

    private void show(StatusLine line, DhtSnapshot snapshot) {
        if (json) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("event", "status");
            fields.put("nodes", snapshot.contacts() + 1);
            fields.put("records", snapshot.records());
            fields.put("recordBytes", snapshot.recordBytes());
            new JsonLines(System.out).write(fields);
        } else {
            line.show("%d DHT nodes (including this one) are in the routing table, %d records are kept here"
                    .formatted(snapshot.contacts() + 1, snapshot.records()));
        }
    }
}
