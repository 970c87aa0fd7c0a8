package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.launcher.options.LauncherException;
import dev.hivemind.launcher.options.LauncherVersion;
import dev.hivemind.launcher.output.Listing;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code hivemind experts ls}: all experts below a prefix, with all their owners. */
@Command(
        name = "ls",
        description = "List the experts below a prefix, a line for each expert and owner.",
        mixinStandardHelpOptions = true,
        versionProvider = LauncherVersion.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        footer = "%nExample: hivemind experts ls ffn --initial-peers 127.0.0.1:1337")
final class ExpertsLsCommand implements Runnable {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    @Parameters(
            index = "0",
            paramLabel = "PREFIX",
            converter = PrefixConverter.class,
            description = "What the uids begin with, such as ffn or ffn.3")
    @SuppressWarnings("NullAway.Init")
    private ExpertPrefix prefix;

    @Mixin
    private InitialPeers initialPeers = new InitialPeers();

    @Option(names = "--json", description = "Print one JSON object a line instead of text.")
    private boolean json;

    @Override
    public void run() {
        try (var visitor = new Visitor()) {
            ExpertDirectory directory = visitor.directory(initialPeers.addresses());
            List<ExpertDescriptor> experts = ExpertTree.below(prefix, directory)
                    .collectSortedList(ExpertsLsCommand::compare)
                    .block(TIMEOUT);
            if (experts == null || experts.isEmpty()) {
                throw new LauncherException("Nobody hosts experts below '%s'".formatted(prefix));
            }
            show(experts);
        }
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
        Listing listing = Listing.of(System.out, json, "uid", "peerId", "addresses", "state", "load", "trainable");
        for (ExpertDescriptor expert : experts) {
            listing.add(
                    expert.uid(),
                    json ? expert.peerId() : expert.peerId().toShortString(),
                    expert.addresses(),
                    expert.status().state().name().toLowerCase(Locale.ROOT),
                    expert.status().load(),
                    expert.status().trainable());
        }
        listing.end();
    }
}
