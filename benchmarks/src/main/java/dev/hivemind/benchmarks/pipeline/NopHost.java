package dev.hivemind.benchmarks.pipeline;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.expert.NopExpert;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.testkit.FaultProxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/** A server with one expert that returns what it is given, behind a link that may delay, and a client of it. */
final class NopHost implements AutoCloseable {

    private static final ExpertUid UID = new ExpertUid("nop.0");
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final PeerNode host =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode peer = PeerNode.builder().build();
    private final DhtNode dht = DhtNode.builder(peer).build();
    private final ExpertServer server;
    private final FaultProxy link;
    private final ExpertClient client;

    NopHost(int width) {
        ExpertBackend backend =
                ExpertBackend.create(new NopExpert().create(new ExpertOptions(width, 1)), OptimizerConfig.frozen());
        server = ExpertServer.builder(host).expert(UID.toString(), backend).build();
        host.start().then(server.start()).block(TIMEOUT);
        int port = host.addresses().get(0).port();
        link = FaultProxy.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        client = ExpertClient.create(
                peer,
                new ExpertDirectory(dht),
                CallPolicy.DEFAULT.withForwardTimeout(TIMEOUT).withBackwardTimeout(TIMEOUT));
    }

    /** Half of it each way, so that a call takes so much longer. */
    void delayCalls(Duration delay) {
        link.delay(delay.dividedBy(2));
    }

    /** The expert, without a link between. */
    RemoteExpert near(boolean streams) {
        return expert(host.addresses(), streams);
    }

    /** The expert at the other end of the link. */
    RemoteExpert far(boolean streams) {
        return expert(List.of(new PeerAddress("127.0.0.1", link.port())), streams);
    }

    private RemoteExpert expert(List<PeerAddress> addresses, boolean streams) {
        RemoteExpert expert = client.remote(new ExpertDescriptor(UID, host.id(), addresses))
                .with(client.policy().withStreams(streams));
        expert.info().block(TIMEOUT);
        return expert;
    }

    ExpertClient client() {
        return client;
    }

    @Override
    public void close() {
        client.dispose();
        server.close().then(dht.close()).then(peer.close()).block(TIMEOUT);
        link.close();
        host.close().block(TIMEOUT);
    }
}
