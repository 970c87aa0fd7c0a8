package dev.hivemind.launcher.server;

import java.time.Duration;

/**
 * How a server serves.
 *
 * @param maxBatchSize the most rows to compute at once
 * @param minBatchSize for fewer rows a free device waits
 * @param linger how long it waits for them
 * @param announcePeriod how often the experts are declared
 * @param drainTimeout how long accepted calls are finished at the end
 */
record ServiceOptions(
        int maxBatchSize, int minBatchSize, Duration linger, Duration announcePeriod, Duration drainTimeout) {}
