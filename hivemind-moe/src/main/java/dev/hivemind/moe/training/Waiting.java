package dev.hivemind.moe.training;

import dev.hivemind.rsocket.error.RpcTransientException;
import java.time.Duration;

/**
 * A batch waits for experts that are missing, and will be tried again.
 *
 * @param batch index of the batch
 * @param failures of this batch so far
 * @param left until training gives up
 * @param cause of the last failure
 */
public record Waiting(long batch, int failures, Duration left, RpcTransientException cause) {}
