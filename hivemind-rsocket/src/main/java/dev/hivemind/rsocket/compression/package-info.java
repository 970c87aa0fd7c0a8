/**
 * How tensors are made smaller on the wire: the codecs of the protocol, and the interface that further ones implement.
 *
 * <p>Nothing here knows what a tensor is called or how it travels: a codec turns rows of numbers into bytes and back. The
 * size of the result follows from the layout alone, so that a peer's announcement is checked before anything is
 * allocated. Layouts are written down byte for byte in docs/PROTOCOL.md.
 */
@NullMarked
package dev.hivemind.rsocket.compression;

import org.jspecify.annotations.NullMarked;
