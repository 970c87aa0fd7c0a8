package dev.hivemind.launcher.server;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.launcher.swarm.UidConverter;
import dev.hivemind.moe.gating.ExpertGrid;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the experts of a server are called. */
final class UidChoice {

    private static final int DEFAULT_COUNT = 5;
    private static final String DEFAULT_PREFIX = "expert";

    @Option(
            names = "--num-experts",
            paramLabel = "N",
            converter = NumberConverters.Positive.class,
            description = "How many experts to host. Default: 5, or as many as there are --expert-uids.")
    private @Nullable Integer numExperts;

    @Option(
            names = "--uid-prefix",
            paramLabel = "PREFIX",
            converter = UidPrefixConverter.class,
            description =
                    "What the experts' uids start with: PREFIX.0, PREFIX.1 and so on. Default: " + DEFAULT_PREFIX + ".")
    private @Nullable String uidPrefix;

    @Option(
            names = "--expert-pattern",
            paramLabel = "GRID",
            converter = GridConverter.class,
            description =
                    "The grid whose cells the experts are, instead of a prefix, for example ffn.[0:4].[0:4]. Without"
                            + " --first-index, free cells are chosen. Default: none.")
    private @Nullable ExpertGrid grid;

    @Option(
            names = "--first-index",
            paramLabel = "N",
            converter = NumberConverters.NotNegative.class,
            description =
                    "The number of the first expert, which ends its uid unless it lies in a grid. Cells count along"
                            + " the last dimension first. Default: 0, or free cells of a grid.")
    private @Nullable Integer firstIndex;

    @Option(
            names = "--expert-uids",
            paramLabel = "UID",
            split = ",",
            splitSynopsisLabel = ",",
            converter = UidConverter.class,
            description = "What the experts are called, one by one with commas between them, instead of a prefix or a"
                    + " pattern. Default: none.")
    private List<ExpertUid> names = List.of();

    /** @throws IllegalArgumentException if some contradict others */
    UidOptions options() {
        if (!names.isEmpty()) {
            requireNamesAlone();
        }
        int count = numExperts != null ? numExperts : names.isEmpty() ? DEFAULT_COUNT : names.size();
        String prefix = uidPrefix == null ? DEFAULT_PREFIX : uidPrefix;
        return new UidOptions(count, prefix, grid, firstIndex, List.copyOf(names));
    }

    private void requireNamesAlone() {
        if (new HashSet<>(names).size() < names.size()) {
            throw new IllegalArgumentException("One of --expert-uids is there twice");
        }
        boolean others = uidPrefix != null || grid != null || firstIndex != null;
        if (others || (numExperts != null && numExperts != names.size())) {
            throw new IllegalArgumentException("--expert-uids says all: leave out --uid-prefix, --expert-pattern,"
                    + " --first-index and --num-experts");
        }
    }
}
