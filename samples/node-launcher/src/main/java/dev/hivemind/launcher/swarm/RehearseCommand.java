package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.Listing;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;

/**
 * What most short commands do, played once between two peers of this process: it loads the classes that an archive for
 * class data sharing is to hold. Prints nothing.
 */
@Command(name = "rehearse", hidden = true)
public final class RehearseCommand implements Runnable {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Override
    public void run() {
        PeerNode host =
                PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        DhtNode dht = DhtNode.builder(host).build();
        try (var visitor = new Visitor()) {
            host.start().then(dht.start()).block(TIMEOUT);
            new ExpertDirectory(dht)
                    .declare(List.of(new ExpertUid("a.0")), TIMEOUT)
                    .block(TIMEOUT);
            visit(visitor, host.addresses());
        } finally {
            dht.close().then(host.close()).block(TIMEOUT);
        }
    }

    private static void visit(Visitor visitor, List<PeerAddress> addresses) {
        visitor.connect(addresses.get(0));
        var nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        Listing listing = Listing.of(nowhere, false, "uid", "addresses");
        ExpertTree.below(new ExpertPrefix("a."), visitor.directory(addresses))
                .doOnNext(expert -> listing.add(expert.uid(), expert.addresses()))
                .then()
                .block(TIMEOUT);
        listing.end();
        new JsonLines(nowhere).write(Map.of("addresses", addresses));
    }
}
