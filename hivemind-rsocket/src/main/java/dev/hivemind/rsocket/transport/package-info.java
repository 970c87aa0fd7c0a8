/**
 * RSocket over Reactor Netty TCP, with the behaviour that peers on an open network need.
 *
 * <p>Unlike the stock transports, these close the connection when a frame is oversized or malformed, so that callers
 * fail at once instead of waiting, and hand the remote address on to the acceptor.
 */
@NullMarked
package dev.hivemind.rsocket.transport;

import org.jspecify.annotations.NullMarked;
