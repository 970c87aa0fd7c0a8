package dev.hivemind.launcher;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.PrintWriter;
import java.io.Writer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;

/**
 * Runs short commands once, at a peer of this process: it loads the classes that an archive for class data sharing is to
 * hold. What they print is of no use.
 */
@Command(name = "rehearse", hidden = true)
final class RehearseCommand implements Runnable {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Override
    public void run() {
        PeerNode host =
                PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        DhtNode dht = DhtNode.builder(host).build();
        try {
            host.start().then(dht.start()).block(TIMEOUT);
            new ExpertDirectory(dht)
                    .declare(List.of(new ExpertUid("a.0")), TIMEOUT)
                    .block(TIMEOUT);
            String address = host.addresses().get(0).toString();
            command("ping", address);
            command("experts", "ls", "a", "--initial-peers", address, "--json");
        } finally {
            dht.close().then(host.close()).block(TIMEOUT);
        }
    }

    private static void command(String... arguments) {
        var nowhere = new PrintWriter(Writer.nullWriter());
        Hivemind.run(nowhere, nowhere, Map.of(), arguments);
    }
}
