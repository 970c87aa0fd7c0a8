package dev.hivemind.rsocket;

import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.RSocket;

/**
 * One connection, seen from above RSocket.
 *
 * @param rsocket what the calls to the other side go through
 * @param window what bulk waits for
 * @param activity the calls under way
 */
record Link(RSocket rsocket, SendWindow window, LinkActivity activity) {}
