package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.NumberConverters;
import dev.hivemind.moe.gating.ExpertGrid;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the experts of a server are called. */
final class UidChoice {

    @Option(
            names = "--num-experts",
            paramLabel = "N",
            defaultValue = "5",
            converter = NumberConverters.Positive.class,
            description = "How many experts to host. Default: ${DEFAULT-VALUE}.")
    private int numExperts;

    @Option(
            names = "--uid-prefix",
            paramLabel = "PREFIX",
            defaultValue = "expert",
            converter = UidPrefixConverter.class,
            description = "What the experts' uids start with: PREFIX.0, PREFIX.1 and so on. Default: ${DEFAULT-VALUE}.")
    private String uidPrefix = "";

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

    UidOptions options() {
        return new UidOptions(numExperts, uidPrefix, grid, firstIndex);
    }
}
