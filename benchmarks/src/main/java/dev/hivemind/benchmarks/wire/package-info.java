/**
 * What the wire costs: Hivemind's calls beside a bare Reactor Netty socket, gRPC, and blocking NIO.
 *
 * <p>Client and server live in one process, with event loops of their own, and talk over the loopback interface in plain
 * text. Every contender brings each message into one contiguous direct buffer, taken from the pool for that message and
 * given back when it is there: what a tensor library would be handed. Bytes of an echo are counted once.
 */
@NullMarked
package dev.hivemind.benchmarks.wire;

import org.jspecify.annotations.NullMarked;
