package dev.hivemind.moe.mixture;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.server.ExpertBackend;
import dev.hivemind.moe.server.ExpertServer;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;

/**
 * A server in a process of its own, for tests that kill it. Its arguments are the address of a peer of the DHT, the width
 * of its experts, the seed of the first, and their names. It says a line when it is there, and ends with its parent.
 */
final class ServerMain {

    static final String READY = "ready";

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final Duration TTL = Duration.ofMinutes(5);

    private ServerMain() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] arguments) throws IOException {
        endWithParent();
        PeerNode node =
                PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        node.start().block(TIMEOUT);
        DhtNode dht = DhtNode.builder(node)
                .initialPeers(List.of(PeerAddress.parse(arguments[0])))
                .build();
        dht.start().block(TIMEOUT);
        server(node, dht, arguments).start().block(TIMEOUT);
        System.out.println(READY);
    }

    private static ExpertServer server(PeerNode node, DhtNode dht, String[] arguments) {
        int width = Integer.parseInt(arguments[1]);
        long seed = Long.parseLong(arguments[2]);
        var server = ExpertServer.builder(node).announceIn(new ExpertDirectory(dht), TTL);
        for (int i = 3; i < arguments.length; i++) {
            server.expert(
                    arguments[i], ExpertBackend.create(Swarm.ffn(width, seed + i - 3), OptimizerConfig.sgd(0.05)));
        }
        return server.build();
    }

    /** The parent holds the other end of standard input, which the system closes when it ends, however that happens. */
    private static void endWithParent() {
        var watch = new Thread(ServerMain::awaitEndOfInput, "parent-watch");
        watch.setDaemon(true);
        watch.start();
    }

    private static void awaitEndOfInput() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException broken) {
            // As good as the end.
        }
        Runtime.getRuntime().halt(0);
    }
}
