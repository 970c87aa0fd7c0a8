package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.NumberConverters;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a server computes, and with how many threads. */
final class ComputeChoice {

    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "cpu",
            description = "Where to compute: cpu, gpu, or gpu0, gpu1 and so on. GPUs need a PyTorch with CUDA, and are"
                    + " untried: docs/DEVICES.md. Default: ${DEFAULT-VALUE}.")
    private String device = "";

    @Option(
            names = "--device-threads",
            paramLabel = "N",
            converter = NumberConverters.Positive.class,
            description = "How many experts to compute at a time. Default: one for each core, at most one for each"
                    + " expert.")
    private @Nullable Integer deviceThreads;

    @Option(
            names = "--intra-op-threads",
            paramLabel = "N",
            converter = NumberConverters.Positive.class,
            description =
                    "Threads that share the work of one expert. Default: the cores, divided among the experts that"
                            + " are computed at a time.")
    private @Nullable Integer intraOpThreads;

    ComputeOptions options() {
        return new ComputeOptions(device, optional(deviceThreads), optional(intraOpThreads));
    }

    private static OptionalInt optional(@Nullable Integer number) {
        return number == null ? OptionalInt.empty() : OptionalInt.of(number);
    }
}
