package dev.hivemind.launcher.server;

import dev.hivemind.launcher.options.DurationConverter;
import dev.hivemind.launcher.options.NumberConverters;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a server serves. */
final class ServiceChoice {

    @Option(
            names = "--max-batch-size",
            paramLabel = "ROWS",
            defaultValue = "4096",
            converter = NumberConverters.Positive.class,
            description = "The most rows to compute at once. Default: ${DEFAULT-VALUE}.")
    private int maxBatchSize;

    @Option(
            names = "--min-batch-size",
            paramLabel = "ROWS",
            defaultValue = "1",
            converter = NumberConverters.Positive.class,
            description = "For fewer rows a free device waits a little. Default: ${DEFAULT-VALUE}, it does not wait.")
    private int minBatchSize;

    @Option(
            names = "--linger",
            paramLabel = "TIME",
            defaultValue = "10ms",
            converter = DurationConverter.class,
            description = "How long it waits for them, at most 1m. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration linger;

    @Option(
            names = "--announce-period",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = DurationConverter.class,
            description = "How often the experts are declared anew; others see them for twice as long. Default:"
                    + " ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration announcePeriod;

    @Option(
            names = "--drain-timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = DurationConverter.class,
            description = "How long to finish accepted calls when it is told to end. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration drainTimeout;

    @Option(
            names = "--checkpoint-dir",
            paramLabel = "DIR",
            description = "Where the state of the experts is kept: what is there is loaded, what they learn is saved."
                    + " Of free cells, those that are there come first. Default: nowhere.")
    private @Nullable Path checkpoints;

    @Option(
            names = "--checkpoint-period",
            paramLabel = "TIME",
            defaultValue = "1m",
            converter = DurationConverter.class,
            description = "How often it is saved, besides at the end. Default: ${DEFAULT-VALUE}.")
    @SuppressWarnings("NullAway.Init")
    private Duration checkpointPeriod;

    ServiceOptions options() {
        return new ServiceOptions(
                maxBatchSize, minBatchSize, linger, announcePeriod, drainTimeout, checkpoints, checkpointPeriod);
    }
}
