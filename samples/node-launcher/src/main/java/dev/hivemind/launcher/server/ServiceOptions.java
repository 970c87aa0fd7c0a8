package dev.hivemind.launcher.server;

import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a server serves.
 *
 * @param maxBatchSize the most rows to compute at once
 * @param minBatchSize for fewer rows a free device waits
 * @param linger how long it waits for them
 * @param announcePeriod how often the experts are declared
 * @param drainTimeout how long accepted calls are finished at the end
 * @param checkpoints the directory in which the state of the experts is kept; null for none
 * @param checkpointPeriod how often it is saved
 */
record ServiceOptions(
        int maxBatchSize,
        int minBatchSize,
        Duration linger,
        Duration announcePeriod,
        Duration drainTimeout,
        @Nullable Path checkpoints,
        Duration checkpointPeriod) {}
