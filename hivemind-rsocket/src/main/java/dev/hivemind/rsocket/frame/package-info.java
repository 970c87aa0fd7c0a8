/**
 * The header of a call and its encoding.
 *
 * <p>A {@link dev.hivemind.rsocket.frame.FrameHeader} says what to do, for whom, under which call id and until when,
 * and how the data part is laid out. {@link dev.hivemind.rsocket.frame.FrameCodec} checks every field before anything
 * is allocated for it.
 */
@NullMarked
package dev.hivemind.rsocket.frame;

import org.jspecify.annotations.NullMarked;
