package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.PayloadTooLargeException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import io.rsocket.Payload;
import io.rsocket.util.ByteBufPayload;

/** Requests and replies as RSocket payloads: header in the metadata, body in the data. Copies no body. */
final class PayloadCodec {

    /** Stream id, type, flags, and the length of the metadata. */
    private static final int RSOCKET_OVERHEAD_BYTES = 16;

    private final int maxFrameBytes;

    PayloadCodec(int maxFrameBytes) {
        this.maxFrameBytes = maxFrameBytes;
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
            ByteBuf metadata = FrameCodec.encode(header);
            long size = (long) RSOCKET_OVERHEAD_BYTES + metadata.readableBytes() + body.readableBytes();
            if (size > maxFrameBytes) {
                metadata.release();
                throw new PayloadTooLargeException("A message of %d bytes does not fit a frame of at most %d bytes"
                        .formatted(size, maxFrameBytes));
            }
            return ByteBufPayload.create(body, metadata);
        } catch (RuntimeException e) {
            body.release();
            throw e;
        }
    }

    /** Borrows the payload, and so does the request: it holds no reference of its own. */
    Request decodeRequest(Payload payload) {
        FrameHeader header = FrameCodec.decode(metadata(payload));
        if (!header.tensors().isEmpty()) {
            TensorFrameCodec.requireMatchingLength(
                    header.tensors(), payload.sliceData().readableBytes());
        }
        return new Request(header, payload.sliceData());
    }

    /** Takes over the payload, also when it throws; the caller owns the reply. */
    Reply decodeReply(FrameHeader request, Payload payload) {
        try {
            FrameHeader header = FrameCodec.decode(metadata(payload));
            if (!header.callId().equals(request.callId())) {
                throw new ProtocolViolationException("The answer belongs to another call");
            }
            TensorFrameCodec.requireMatchingLength(
                    header.tensors(),
                    header.tensors().isEmpty() ? 0 : payload.sliceData().readableBytes());
            return new Reply(header.tensors(), payload.sliceData().retain());
        } finally {
            payload.release();
        }
    }

    private static ByteBuf metadata(Payload payload) {
        if (!payload.hasMetadata()) {
            throw new ProtocolViolationException("Every message carries a header as its metadata");
        }
        return payload.sliceMetadata();
    }
}
