package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/**
 * A request or a reply on its way through a channel. Whoever holds it owns one reference to the body.
 *
 * @param header says what the body is
 * @param body all of it
 * @param onGone hears, once or more often, that nobody holds the message any more
 */
record Message(FrameHeader header, ByteBuf body, Runnable onGone) {

    /** A message whose end nobody waits for. */
    Message(FrameHeader header, ByteBuf body) {
        this(header, body, Message::ignoreEnd);
    }

    /** Borrows the request; the message holds a reference of its own. */
    static Message of(Request request) {
        return new Message(request.header(), request.body().retainedSlice());
    }

    /** Takes over the reply. */
    static Message of(FrameHeader request, Reply reply) {
        return of(request, reply, Message::ignoreEnd);
    }

    /** Takes over the reply. */
    static Message of(FrameHeader request, Reply reply, Runnable onGone) {
        return new Message(request.reply(reply.descriptors()), reply.body(), onGone);
    }

    static Message failure(FrameHeader request, String error) {
        return new Message(request.failure(error), Unpooled.EMPTY_BUFFER);
    }

    /**
     * Checks that a body of this length is what the header describes.
     *
     * @throws ProtocolViolationException if it is not
     */
    static void requireMatchingLength(FrameHeader header, int bytes) {
        if (!header.tensors().isEmpty()) {
            TensorFrameCodec.requireMatchingLength(header.tensors(), bytes);
        }
    }

    private static void ignoreEnd() {}

    /** All of the body was passed on, with the reference to it. */
    void passedOn() {
        onGone.run();
    }

    void release() {
        body.release();
        onGone.run();
    }
}
