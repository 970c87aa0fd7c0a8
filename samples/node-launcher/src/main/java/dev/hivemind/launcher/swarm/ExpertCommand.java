package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Parameters;

/** A command about one expert. */
abstract class ExpertCommand extends VisitCommand {

    @Parameters(
            index = "0",
            paramLabel = "UID",
            converter = UidConverter.class,
            description = "The expert, such as ffn.3.17")
    @SuppressWarnings("NullAway.Init")
    private ExpertUid uid;

    final ExpertUid uid() {
        return uid;
    }

    /** All who host it, at least one. */
    final List<ExpertDescriptor> owners(Visitor visitor, List<PeerAddress> initialPeers, Duration timeout) {
        List<ExpertDescriptor> owners =
                visitor.directory(initialPeers).find(uid).collectList().block(timeout);
        if (owners == null || owners.isEmpty()) {
            throw new LauncherException("Nobody hosts '%s'".formatted(uid));
        }
        return owners;
    }
}
