package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.DhtSnapshot;
import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.HivemindCommand;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.JsonOption;
import dev.hivemind.launcher.output.StatusLine;
import dev.hivemind.launcher.process.EndSignal;
import dev.hivemind.rsocket.PeerNode;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code hivemind dht run}: a node that hosts no experts, for others to enter the swarm by. */
@Command(
        name = "run",
        description = "Take part in the DHT without hosting experts, as a door for others and a keeper of records.",
        footer = "%nExample: hivemind dht run --listen-on 0.0.0.0:1337 --identity-path peer.key")
final class DhtRunCommand extends HivemindCommand implements Callable<Integer> {

    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    @Mixin
    private ListenChoice network = new ListenChoice();

    @Option(
            names = "--status-period",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = DurationConverter.class,
            description = "The time between two status lines. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration statusPeriod;

    @Mixin
    private JsonOption json = new JsonOption();

    @Override
    public Integer call() throws InterruptedException {
        EndSignal end = EndSignal.listen();
        PeerNode node = network.node().build();
        DhtNode dht = DhtNode.builder(node).initialPeers(network.initialPeers()).build();
        try {
            Entrance.through(
                    network.initialPeers(), () -> Visitor.await(node.start().then(dht.start()), START_TIMEOUT));
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
        if (json.isGiven()) {
            Map<String, Object> ready = new LinkedHashMap<>();
            ready.put("event", "ready");
            ready.put("peerId", node.id());
            ready.put("addresses", node.addresses());
            new JsonLines(System.out).write(ready);
            return;
        }
        var out = out();
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
        if (json.isGiven()) {
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
