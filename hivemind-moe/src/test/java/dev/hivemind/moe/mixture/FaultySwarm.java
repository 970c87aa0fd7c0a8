package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.Dht;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.expert.ExpertSchemaCodec;
import dev.hivemind.moe.expert.TensorSpec;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.testkit.FaultProxy;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;

/**
 * Servers behind proxies that can fail, and a client that reaches them through those alone: it looks into the DHT as
 * another peer than it calls experts as. Each server has two cells of {@code ffn.[0:4].[0:4]}.
 */
final class FaultySwarm implements AutoCloseable {

    static final String GRID = "ffn.[0:4].[0:4]";
    static final int HOSTS = 8;

    private static final Duration TIMEOUT = Swarm.TIMEOUT;
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final int WIDTH = TinyPictures.PIXELS;

    private final LoopResources loops = LoopResources.create("test-io", 2, true);
    private final List<Host> hosts = new ArrayList<>();
    private final PeerNode reader = node();
    private final PeerNode caller = PeerNode.builder().loops(loops).build();
    private final DhtNode directory;
    private final ExpertClient client;

    /** How an expert may answer. */
    enum Manner {
        HONEST,
        NOT_FINITE,
        ONE_ROW_SHORT,
        OF_ANOTHER_WIDTH
    }

    /** The first of the servers have experts that answer in some manner, the others are honest. */
    FaultySwarm(Manner manner, int dishonest) {
        reader.start().block(TIMEOUT);
        directory = DhtNode.builder(reader).build();
        directory.start().block(TIMEOUT);
        for (int host = 0; host < HOSTS; host++) {
            hosts.add(new Host(host, host < dishonest ? manner : Manner.HONEST));
        }
        caller.start().block(TIMEOUT);
        client = ExpertClient.create(caller, new ExpertDirectory(directory));
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

    List<Host> first(int count) {
        return hosts.subList(0, count);
    }

    @Override
    public void close() {
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
        final AtomicInteger calls = new AtomicInteger();

        private final PeerNode node = node();
        private final DhtNode dht;
        private final ExpertServer server;

        private Host(int number, Manner manner) {
            node.start().block(TIMEOUT);
            PeerAddress address = node.addresses().get(0);
            proxy = FaultProxy.start(new InetSocketAddress(address.host(), address.port()));
            dht = DhtNode.builder(node).initialPeers(reader.addresses()).build();
            List<String> uids = List.of(uid(2 * number), uid(2 * number + 1));
            server = manner == Manner.HONEST ? honest(uids, number) : null;
            if (server == null) {
                lie(manner);
            }
            dht.start()
                    .then(Mono.defer(() -> new ExpertDirectory(behindProxy())
                            .declare(uids.stream().map(ExpertUid::new).toList(), TTL)))
                    .block(TIMEOUT);
        }

        private static String uid(int cell) {
            return "ffn." + cell / 4 + "." + cell % 4;
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
            long width = manner == Manner.OF_ANOTHER_WIDTH ? WIDTH + 1 : WIDTH;
            var inputs = List.of(TensorSpec.of("x", ElementType.FLOAT32, TensorSpec.BATCH, WIDTH));
            var outputs = List.of(TensorSpec.of("y", ElementType.FLOAT32, TensorSpec.BATCH, width));
            var schema = new ExpertSchema(inputs, outputs, 64, true);
            node.handle(
                    Operation.EXPERT_INFO,
                    (peer, request) -> Mono.fromSupplier(() -> Reply.ofMessage(ExpertSchemaCodec.toMessage(schema))));
            for (Operation operation : List.of(Operation.EXPERT_FORWARD, Operation.EXPERT_BACKWARD)) {
                node.handle(operation, (peer, request) -> Mono.fromSupplier(() -> answer(manner, request, width)));
            }
        }

        private Reply answer(Manner manner, Request request, long width) {
            calls.incrementAndGet();
            long rows = request.header().tensors().get(0).shape().get(0);
            try (NDManager scope = TensorOps.newManager()) {
                float value = manner == Manner.NOT_FINITE ? Float.NaN : 1;
                var shape = new Shape(manner == Manner.ONE_ROW_SHORT ? rows - 1 : rows, width);
                return Reply.ofTensors(NDArrayFrames.encode(new NDList(scope.full(shape, value))));
            }
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

        /** Closes its sockets, and does not come back. */
        void kill() {
            proxy.close();
            node.close().block(TIMEOUT);
        }

        private Mono<Void> close() {
            Mono<Void> served = server == null ? Mono.empty() : server.close();
            return served.then(dht.close()).then(node.close());
        }
    }
}
