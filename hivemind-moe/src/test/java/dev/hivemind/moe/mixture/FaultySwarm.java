package dev.hivemind.moe.mixture;

import dev.hivemind.dht.Dht;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.RequestHandler;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.testkit.FaultProxy;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;

/**
 * Servers that can fail: behind proxies, or in processes of their own; and a client that reaches the former through their
 * proxies alone, since it looks into the DHT as another peer than it calls experts as. Each server has two cells of
 * {@code ffn.[0:4].[0:4]}.
 */
final class FaultySwarm implements AutoCloseable {

    static final String GRID = "ffn.[0:4].[0:4]";
    static final int HOSTS = 8;

    private static final Duration TIMEOUT = Swarm.TIMEOUT;
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final int WIDTH = TinyPictures.PIXELS;

    private final LoopResources loops = LoopResources.create("test-io", 2, true);
    private final List<Host> hosts = new ArrayList<>();
    private final List<ServerProcess> processes = new ArrayList<>();
    private final PeerNode reader = node();
    private final PeerNode caller = PeerNode.builder().loops(loops).build();
    private final DhtNode directory;
    private final ExpertClient client;

    /** What is special about a server. */
    enum Manner {
        /** It lives in this process, behind a proxy, and does what it should. */
        HONEST,
        /** It can be killed. */
        IN_A_PROCESS_OF_ITS_OWN,
        NOT_FINITE,
        ONE_ROW_SHORT,
        OF_ANOTHER_WIDTH
    }

    /** The first of the servers are special, each in its manner, and the others honest. */
    FaultySwarm(List<Manner> special) {
        reader.start().block(TIMEOUT);
        directory = DhtNode.builder(reader).build();
        directory.start().block(TIMEOUT);
        for (int host = 0; host < HOSTS; host++) {
            Manner its = host < special.size() ? special.get(host) : Manner.HONEST;
            if (its == Manner.IN_A_PROCESS_OF_ITS_OWN) {
                processes.add(ServerProcess.start(reader.addresses().get(0), WIDTH, 2L * host, uids(host)));
            } else {
                hosts.add(new Host(host, its));
            }
        }
        processes.forEach(ServerProcess::awaitReady);
        caller.start().block(TIMEOUT);
        client = ExpertClient.create(caller, new ExpertDirectory(directory));
    }

    private static List<String> uids(int host) {
        return List.of(uid(2 * host), uid(2 * host + 1));
    }

    private static String uid(int cell) {
        return "ffn." + cell / 4 + "." + cell % 4;
    }

    private PeerNode node() {
        return PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .loops(loops)
                .build();
    }

    ExpertClient client() {
        return client;
    }

    /** Those in this process, in their order. */
    List<Host> hosts() {
        return hosts;
    }

    /** Ends all processes but this one, without a word to anybody. */
    void kill() {
        processes.forEach(ServerProcess::kill);
    }

    @Override
    public void close() {
        kill();
        client.dispose();
        hosts.forEach(host -> host.proxy.close());
        Flux.fromIterable(hosts)
                .concatMap(Host::close)
                .then(caller.close())
                .then(directory.close())
                .then(reader.close())
                .then(Mono.defer(() -> loops.disposeLater(Duration.ZERO, TIMEOUT)))
                .block(TIMEOUT);
    }

    /** One server. */
    final class Host {

        final FaultProxy proxy;

        private final PeerNode node = node();
        private final DhtNode dht;
        private final ExpertServer server;

        private Host(int number, Manner manner) {
            node.start().block(TIMEOUT);
            PeerAddress address = node.addresses().get(0);
            proxy = FaultProxy.start(new InetSocketAddress(address.host(), address.port()));
            dht = DhtNode.builder(node).initialPeers(reader.addresses()).build();
            List<String> uids = uids(number);
            server = manner == Manner.HONEST ? honest(uids, number) : null;
            if (server == null) {
                lie(manner);
            }
            dht.start()
                    .then(Mono.defer(() -> new ExpertDirectory(behindProxy())
                            .declare(uids.stream().map(ExpertUid::new).toList(), TTL)))
                    .block(TIMEOUT);
        }

        private ExpertServer honest(List<String> uids, int number) {
            var builder = ExpertServer.builder(node);
            for (int i = 0; i < uids.size(); i++) {
                builder.expert(
                        uids.get(i),
                        ExpertBackend.create(Swarm.ffn(WIDTH, 2L * number + i), OptimizerConfig.sgd(0.05)));
            }
            return builder.build().start().block(TIMEOUT);
        }

        private void lie(Manner manner) {
            ScriptedExpert.tellSchema(node, WIDTH, manner == Manner.OF_ANOTHER_WIDTH ? WIDTH + 1 : WIDTH, true);
            RequestHandler lies = switch (manner) {
                case NOT_FINITE -> ScriptedExpert.filledWith(Float.NaN);
                case ONE_ROW_SHORT -> ScriptedExpert.misshapen(-1, 0);
                default -> ScriptedExpert.misshapen(0, 1);
            };
            node.handle(Operation.EXPERT_FORWARD, lies);
            node.handle(Operation.EXPERT_BACKWARD, lies);
        }

        /** The node's part of the DHT, which says of it that it lives at the proxy. */
        private Dht behindProxy() {
            List<PeerAddress> addresses = List.of(new PeerAddress("127.0.0.1", proxy.port()));
            return (Dht) Proxy.newProxyInstance(
                    Dht.class.getClassLoader(), new Class<?>[] {Dht.class}, (self, method, arguments) -> {
                        if (method.getName().equals("addresses")) {
                            return addresses;
                        }
                        try {
                            return method.invoke(dht, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    });
        }

        private Mono<Void> close() {
            Mono<Void> served = server == null ? Mono.empty() : server.close();
            return served.then(dht.close()).then(node.close());
        }
    }
}
