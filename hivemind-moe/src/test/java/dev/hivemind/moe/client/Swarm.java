package dev.hivemind.moe.client;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertDefinition;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;

/** Servers with ffn experts and one client, in one process but over real sockets and a real DHT. */
public final class Swarm implements AutoCloseable {

    public static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final LoopResources loops = LoopResources.create("test-io", 2, true);
    private final List<Host> hosts = new ArrayList<>();
    private final List<ExpertClient> others = new ArrayList<>();
    private final Map<String, ExpertBackend> backends = new HashMap<>();
    private final PeerNode clientNode = PeerNode.builder().loops(loops).build();
    private DhtNode clientDht;
    private ExpertClient client;

    /** Hosts an expert of any kind on one more server. */
    public Swarm hostOne(String uid, ExpertDefinition definition, OptimizerConfig optimizer) {
        backends.put(uid, ExpertBackend.create(definition, optimizer));
        return host(List.of(uid));
    }

    /** Hosts {@code ffn.first} to {@code ffn.last} on one more server. Expert i has seed i. */
    public Swarm host(int first, int last, int hiddenDim, OptimizerConfig optimizer) {
        List<String> uids = new ArrayList<>();
        for (int index = first; index <= last; index++) {
            backends.put("ffn." + index, ExpertBackend.create(ffn(hiddenDim, index), optimizer));
            uids.add("ffn." + index);
        }
        return host(uids);
    }

    /** Hosts ffn experts of these names on one more server. The first has this seed, the next the next. */
    public Swarm host(List<String> uids, int hiddenDim, long firstSeed, OptimizerConfig optimizer) {
        for (int i = 0; i < uids.size(); i++) {
            backends.put(uids.get(i), ExpertBackend.create(ffn(hiddenDim, firstSeed + i), optimizer));
        }
        return host(uids);
    }

    private Swarm host(List<String> uids) {
        PeerNode node = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .loops(loops)
                .build();
        node.start().block(TIMEOUT);
        var dht = DhtNode.builder(node)
                .initialPeers(hosts.isEmpty() ? List.of() : hosts.get(0).node().addresses())
                .build();
        dht.start().block(TIMEOUT);
        var server = ExpertServer.builder(node).announceIn(new ExpertDirectory(dht), Duration.ofSeconds(30));
        uids.forEach(uid -> server.expert(uid, backends.get(uid)));
        hosts.add(new Host(node, dht, server.build().start().block(TIMEOUT)));
        return this;
    }

    /** Declares a uid as hosted by a peer that has a server of its own. */
    public void declare(PeerNode owner, String uid) {
        var dht = DhtNode.builder(owner)
                .initialPeers(hosts.get(0).node().addresses())
                .build();
        dht.start()
                .then(new ExpertDirectory(dht).declare(List.of(new ExpertUid(uid)), Duration.ofMinutes(1)))
                .then(dht.close())
                .block(TIMEOUT);
    }

    public static ExpertDefinition ffn(int hiddenDim, long seed) {
        return ExpertFactories.named("ffn").create(new ExpertOptions(hiddenDim, seed));
    }

    /** The client, which knows nothing but the first server's address. */
    public ExpertClient client() {
        return client(CallPolicy.DEFAULT);
    }

    public ExpertClient client(CallPolicy policy) {
        if (client == null) {
            clientDht = DhtNode.builder(clientNode)
                    .initialPeers(hosts.get(0).node().addresses())
                    .build();
            clientDht.start().block(TIMEOUT);
            client = ExpertClient.create(clientNode, new ExpertDirectory(clientDht), policy);
        }
        return client;
    }

    /** One more client on the same node; lives as long as the swarm. */
    public ExpertClient clientWith(CallPolicy policy) {
        client();
        var other = ExpertClient.create(clientNode, new ExpertDirectory(clientDht), policy);
        others.add(other);
        return other;
    }

    public RemoteExpert expert(int index) {
        return client().expert(new ExpertUid("ffn." + index)).block(TIMEOUT);
    }

    /** What the server has of an expert; to be read while nobody calls it. */
    public ExpertBackend backend(int index) {
        return backends.get("ffn." + index);
    }

    /** Closes the sockets of a server without a word to anybody. */
    public void kill(int host) {
        hosts.get(host).node().close().block(TIMEOUT);
    }

    @Override
    public void close() {
        if (client != null) {
            client.dispose();
            others.forEach(ExpertClient::dispose);
            clientDht.close().block(TIMEOUT);
        }
        Flux.fromIterable(hosts)
                .concatMap(host -> host.server()
                        .close()
                        .then(host.dht().close())
                        .then(host.node().close()))
                .then(clientNode.close())
                .then(Mono.defer(() -> loops.disposeLater(Duration.ZERO, TIMEOUT)))
                .block(TIMEOUT);
    }

    private record Host(PeerNode node, DhtNode dht, ExpertServer server) {}
}
