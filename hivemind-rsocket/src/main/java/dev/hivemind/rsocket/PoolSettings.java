package dev.hivemind.rsocket;

import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;

/**
 * What a {@link ConnectionPool} goes by.
 *
 * @param own the id of the node whose connections these are
 * @param maxConnections how many may live
 * @param idleTimeout after how long without calls a connection is closed; zero for never
 */
record PoolSettings(PeerId own, int maxConnections, Duration idleTimeout) {}
