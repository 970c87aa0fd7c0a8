package dev.hivemind.samples.trainer;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;

/** A server with ffn experts, as the {@code hivemind server} command starts one. */
final class Experts implements AutoCloseable {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final PeerNode node =
            PeerNode.builder().listen(PeerAddress.parse("127.0.0.1:0")).build();
    private final DhtNode dht = DhtNode.builder(node).build();
    private final ExpertServer server;

    Experts(int hiddenDim, OptimizerConfig optimizer, List<String> uids) {
        var builder = ExpertServer.builder(node).announceIn(new ExpertDirectory(dht), Duration.ofSeconds(30));
        for (int i = 0; i < uids.size(); i++) {
            builder.expert(
                    uids.get(i),
                    ExpertBackend.create(
                            ExpertFactories.named("ffn").create(new ExpertOptions(hiddenDim, i)), optimizer));
        }
        server = builder.build();
        node.start().then(dht.start()).then(server.start()).block(TIMEOUT);
    }

    PeerAddress address() {
        return node.addresses().get(0);
    }

    @Override
    public void close() {
        server.close().then(dht.close()).then(node.close()).block(TIMEOUT);
    }
}
