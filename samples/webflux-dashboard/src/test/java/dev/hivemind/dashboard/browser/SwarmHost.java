package dev.hivemind.dashboard.browser;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A server of a few small experts, as {@code hivemind server} starts one. */
final class SwarmHost implements AutoCloseable {

    /** What experts take and give. */
    static final int WIDTH = 8;

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    /** Records live twice as long, so that a death shows soon. */
    private static final Duration ANNOUNCE_PERIOD = Duration.ofSeconds(5);

    private final PeerNode node =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final DhtNode dht;
    private final ExpertServer server;

    private SwarmHost(@Nullable PeerAddress peer, List<String> uids) {
        dht = DhtNode.builder(node)
                .initialPeers(peer == null ? List.of() : List.of(peer))
                .build();
        var events = new EventFeed(Clock.systemUTC());
        events.serve(node);
        var builder = ExpertServer.builder(node).events(events).announceIn(new ExpertDirectory(dht), ANNOUNCE_PERIOD);
        uids.forEach(uid -> builder.expert(uid, expert(uid.hashCode())));
        server = builder.build();
    }

    private static ExpertBackend expert(long seed) {
        return ExpertBackend.create(
                ExpertFactories.named("ffn").create(new ExpertOptions(WIDTH, seed)), OptimizerConfig.sgd(0.05));
    }

    /** Listens, joins, and declares its experts. */
    static SwarmHost start(@Nullable PeerAddress peer, List<String> uids) {
        var host = new SwarmHost(peer, uids);
        host.node.start().then(host.dht.start()).then(host.server.start()).block(TIMEOUT);
        return host;
    }

    PeerAddress address() {
        return node.addresses().get(0);
    }

    @Override
    public void close() {
        server.close()
                .onErrorComplete()
                .then(dht.close().onErrorComplete())
                .then(node.close())
                .block(TIMEOUT);
    }
}
