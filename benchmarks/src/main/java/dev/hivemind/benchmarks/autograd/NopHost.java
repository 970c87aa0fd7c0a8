package dev.hivemind.benchmarks.autograd;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.expert.NopExpert;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.Objects;

/** A server with one expert that returns what it is given, and a client of it. */
final class NopHost implements AutoCloseable {

    static final ExpertUid UID = new ExpertUid("nop.0");

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final PeerNode host =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode peer = PeerNode.builder().build();
    private final DhtNode dht = DhtNode.builder(peer).build();
    private final ExpertServer server;
    private final ExpertClient client;
    private final RemoteExpert expert;
    private final PeerConnection connection;

    NopHost(int width) {
        ExpertBackend backend =
                ExpertBackend.create(new NopExpert().create(new ExpertOptions(width, 1)), OptimizerConfig.frozen());
        server = ExpertServer.builder(host).expert(UID.toString(), backend).build();
        host.start().then(server.start()).block(TIMEOUT);
        client = ExpertClient.create(peer, new ExpertDirectory(dht));
        expert = client.remote(new ExpertDescriptor(UID, host.id(), host.addresses()));
        connection = Objects.requireNonNull(
                expert.info().then(peer.connect(host.id(), host.addresses())).block(TIMEOUT));
    }

    RemoteExpert expert() {
        return expert;
    }

    /** The connection that the expert's calls take as well. */
    PeerConnection connection() {
        return connection;
    }

    @Override
    public void close() {
        client.dispose();
        server.close().then(peer.close()).then(host.close()).block(TIMEOUT);
    }
}
