/**
 * Commands that look at a swarm, and need no PyTorch: {@code ping}, {@code dht}, {@code experts}, {@code identity}.
 *
 * <p>Each enters the swarm as a {@link dev.hivemind.launcher.swarm.Visitor}, who listens nowhere, asks, and leaves.
 */
@NullMarked
package dev.hivemind.launcher.swarm;

import org.jspecify.annotations.NullMarked;
