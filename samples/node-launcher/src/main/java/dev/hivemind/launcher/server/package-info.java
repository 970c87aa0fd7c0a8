/**
 * {@code hivemind server}: hosts experts until it is told to end.
 *
 * <p>{@link dev.hivemind.launcher.server.ServerCommand} reads the options into a record, from which a hosted server is
 * started: a peer, its DHT node, and the experts on top of them.
 */
@NullMarked
package dev.hivemind.launcher.server;

import org.jspecify.annotations.NullMarked;
