package dev.hivemind.launcher.swarm;

import dev.hivemind.launcher.options.HivemindCommand;
import dev.hivemind.launcher.output.JsonOption;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import picocli.CommandLine.Mixin;

/** A command that asks something of a swarm, and leaves. */
abstract class VisitCommand extends HivemindCommand implements Runnable {

    @Mixin
    private InitialPeers initialPeers = new InitialPeers();

    @Mixin
    private JsonOption json = new JsonOption();

    @Override
    public final void run() {
        try (var visitor = new Visitor()) {
            visit(visitor, initialPeers.addresses());
        }
    }

    /** Asks, and shows the answer. */
    abstract void visit(Visitor visitor, List<PeerAddress> initialPeers);

    /** Whether to write for programs. */
    final boolean isJson() {
        return json.isGiven();
    }
}
