package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.PayloadTooLargeException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.frame.FrameHeader;
import io.netty.buffer.ByteBuf;
import io.rsocket.Payload;
import io.rsocket.util.ByteBufPayload;

/**
 * Requests and replies that one payload holds: header in the metadata, body in the data. Copies no body. Larger ones
 * travel as {@link MessageChunks}.
 */
final class PayloadCodec {

    /** The largest body of a request-response, in either direction. */
    static final int MAX_BODY_BYTES = MessageChunks.MAX_CHUNK_BYTES;

    /** Whether one payload holds a body of this length. */
    static boolean fits(long bodyBytes) {
        return bodyBytes <= MAX_BODY_BYTES;
    }

    /** Borrows the request; the caller owns the payload, which holds a reference of its own to the body. */
    Payload encode(Request request) {
        return encode(request.header(), request.body().retainedSlice());
    }

    /** Takes over the reply; the caller owns the payload. */
    Payload encode(FrameHeader request, Reply reply) {
        return encode(request.reply(reply.descriptors()), reply.body());
    }

    private Payload encode(FrameHeader header, ByteBuf body) {
        try {
            if (!fits(body.readableBytes())) {
                throw new PayloadTooLargeException("A body of %d bytes does not fit one payload of %d bytes"
                        .formatted(body.readableBytes(), MAX_BODY_BYTES));
            }
            return ByteBufPayload.create(body, FrameCodec.encode(header));
        } catch (RuntimeException e) {
            body.release();
            throw e;
        }
    }

    /** Borrows the payload, and so does the request: it holds no reference of its own. */
    Request decodeRequest(Payload payload) {
        FrameHeader header = decodeHeader(payload);
        ByteBuf body = payload.sliceData();
        Message.requireMatchingLength(header, body.readableBytes());
        return new Request(header, body);
    }

    /** Takes over the payload, also when it throws; the caller owns the reply. */
    Reply decodeReply(FrameHeader request, Payload payload) {
        try {
            FrameHeader header = decodeHeader(payload);
            requireCallId(request.callId(), header.callId());
            Message.requireMatchingLength(header, payload.sliceData().readableBytes());
            return new Reply(
                    header.callId(), header.tensors(), payload.sliceData().retain(), null);
        } finally {
            payload.release();
        }
    }

    /** Takes over the message; the caller owns the reply, which may be a failed one. */
    static Reply toReply(Message message) {
        FrameHeader header = message.header();
        if (header.error().isEmpty()) {
            return new Reply(header.callId(), header.tensors(), message.body(), null);
        }
        message.release();
        return Reply.failed(header.callId(), ErrorCodec.fromText(header.error()));
    }

    /** Takes over the reply, also when it throws; the caller owns the result, which answers this very request. */
    static Reply requireAnswer(FrameHeader request, Reply reply) {
        try {
            requireCallId(request.callId(), reply.callId());
            reply.requireSuccess();
            return reply;
        } catch (RuntimeException e) {
            reply.release();
            throw e;
        }
    }

    private static void requireCallId(CallId request, CallId reply) {
        if (!reply.equals(request)) {
            throw new ProtocolViolationException("The answer belongs to another call");
        }
    }

    private static FrameHeader decodeHeader(Payload payload) {
        if (!payload.hasMetadata()) {
            throw new ProtocolViolationException("Every message carries a header as its metadata");
        }
        FrameHeader header = FrameCodec.decode(payload.sliceMetadata());
        if (header.bodyBytes() != 0) {
            throw new ProtocolViolationException("A body in pieces travels on a channel");
        }
        return header;
    }
}
