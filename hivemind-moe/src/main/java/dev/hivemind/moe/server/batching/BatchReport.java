package dev.hivemind.moe.server.batching;

import java.time.Duration;

/**
 * How a batch went.
 *
 * @param rows of all its calls
 * @param calls that were computed together
 * @param waited how long the oldest of them had waited
 * @param computed how long the device took, attempts without poisonous calls included
 */
public record BatchReport(int rows, int calls, Duration waited, Duration computed) {}
