/**
 * Peers that exchange tensor frames over RSocket.
 *
 * <p>{@link dev.hivemind.rsocket.PeerNode} listens and dials; {@link dev.hivemind.rsocket.PeerConnection} is one
 * symmetric link, on which either side may call the other. A {@link dev.hivemind.rsocket.Request} carries a protobuf
 * header as metadata and raw little-endian tensor bytes as data. The bytes on the wire are specified in
 * {@code docs/PROTOCOL.md}.
 */
@NullMarked
package dev.hivemind.rsocket;

import org.jspecify.annotations.NullMarked;
