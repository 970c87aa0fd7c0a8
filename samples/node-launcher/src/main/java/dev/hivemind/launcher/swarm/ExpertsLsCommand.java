package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.output.Listing;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code hivemind experts ls}: all experts below a prefix, with all their owners. */
@Command(
        name = "ls",
        description = "List the experts below a prefix, a line for each expert and owner.",
        footer = "%nExample: hivemind experts ls ffn --initial-peers 127.0.0.1:1337")
final class ExpertsLsCommand extends VisitCommand {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    @Parameters(
            index = "0",
            paramLabel = "PREFIX",
            converter = PrefixConverter.class,
            description = "What the uids begin with, such as ffn or ffn.3")
    @SuppressWarnings("NullAway.Init")
    private ExpertPrefix prefix;

    @Override
    void visit(Visitor visitor, List<PeerAddress> initialPeers) {
        List<ExpertDescriptor> experts = ExpertTree.below(prefix, visitor.directory(initialPeers))
                .collectSortedList(ExpertsLsCommand::compare)
                .block(TIMEOUT);
        if (experts == null || experts.isEmpty()) {
            throw new LauncherException("Nobody hosts experts below '%s'".formatted(prefix));
        }
        show(experts);
    }

    private static int compare(ExpertDescriptor left, ExpertDescriptor right) {
        List<Integer> first = left.uid().coordinates();
        List<Integer> second = right.uid().coordinates();
        for (int i = 0; i < Math.min(first.size(), second.size()); i++) {
            if (!first.get(i).equals(second.get(i))) {
                return Integer.compare(first.get(i), second.get(i));
            }
        }
        return Integer.compare(first.size(), second.size());
    }

    private void show(List<ExpertDescriptor> experts) {
        Listing listing = Listing.of(System.out, isJson(), "uid", "peerId", "addresses", "state", "load", "trainable");
        for (ExpertDescriptor expert : experts) {
            listing.add(
                    expert.uid(),
                    isJson() ? expert.peerId() : expert.peerId().toShortString(),
                    expert.addresses(),
                    expert.status().state().name().toLowerCase(Locale.ROOT),
                    expert.status().load(),
                    expert.status().trainable());
        }
        listing.end();
    }
}
