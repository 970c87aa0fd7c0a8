package dev.hivemind.benchmarks.mixture;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Servers that share the experts of a grid, and clients of them, in this process. */
final class ExpertSwarm implements AutoCloseable {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final Duration TTL = Duration.ofMinutes(10);

    private final List<PeerNode> nodes = new ArrayList<>();
    private final List<DhtNode> dhts = new ArrayList<>();
    private final List<ExpertServer> servers = new ArrayList<>();
    private final List<ExpertClient> clients = new ArrayList<>();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final PeerNode peer;
    private final DhtNode dht;

    ExpertSwarm(ExpertGrid grid, int serverCount, int width) {
        int each = Math.toIntExact(grid.cells() / serverCount);
        for (int server = 0; server < serverCount; server++) {
            host(grid, server * each, each, width);
        }
        peer = PeerNode.builder().meters(meters).build();
        dht = DhtNode.builder(peer).initialPeers(nodes.get(0).addresses()).build();
        peer.start().then(dht.start()).block(TIMEOUT);
    }

    static ExpertDefinition expert(int width, long seed) {
        return ExpertFactories.named("ffn").create(new ExpertOptions(width, seed));
    }

    static ExpertBackend backend(ExpertDefinition definition) {
        return ExpertBackend.create(definition, OptimizerConfig.sgd(1e-4));
    }

    private void host(ExpertGrid grid, int first, int count, int width) {
        PeerNode node =
                PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        node.start().block(TIMEOUT);
        DhtNode hostDht = DhtNode.builder(node)
                .initialPeers(nodes.isEmpty() ? List.of() : nodes.get(0).addresses())
                .build();
        hostDht.start().block(TIMEOUT);
        var server = ExpertServer.builder(node).announceIn(new ExpertDirectory(hostDht), TTL);
        for (int cell = first; cell < first + count; cell++) {
            server.expert(grid.cell(cell).value(), backend(expert(width, cell)));
        }
        nodes.add(node);
        dhts.add(hostDht);
        servers.add(server.build().start().blockOptional(TIMEOUT).orElseThrow());
    }

    /** One more client on the same node; lives as long as the swarm. */
    ExpertClient client(CallPolicy policy) {
        ExpertClient client = ExpertClient.create(peer, new ExpertDirectory(dht), policy);
        clients.add(client);
        return client;
    }

    /** Bytes of bodies that the clients' node has sent and received. */
    double wireBytes() {
        return meters.find("hivemind.wire.bytes").counters().stream()
                .mapToDouble(Counter::count)
                .sum();
    }

    @Override
    public void close() {
        clients.forEach(ExpertClient::dispose);
        dht.close().then(peer.close()).block(TIMEOUT);
        servers.forEach(server -> server.close().block(TIMEOUT));
        dhts.forEach(node -> node.close().block(TIMEOUT));
        nodes.forEach(node -> node.close().block(TIMEOUT));
    }
}
