package dev.hivemind.moe.server.batching;

import java.time.Duration;

/**
 * How a batch went.
 *
 * @param rows of all its calls
 * @param calls that were computed together
 * @param failed those of them that could not be computed
 * @param waited how long the oldest of them had waited in the pool
 * @param computed how long the device took, attempts without poisonous calls included
 */
public record BatchReport(int rows, int calls, int failed, Duration waited, Duration computed) {}
