package dev.hivemind.rsocket.transport;

import io.netty.buffer.ByteBuf;
import io.rsocket.frame.ErrorFrameCodec;
import io.rsocket.frame.FrameHeaderCodec;
import org.jspecify.annotations.Nullable;

/**
 * Which frames may reach RSocket: those that our protocol uses, whole. RSocket itself logs a stack trace for each frame
 * that it cannot read, and keeps the fragments of as many payloads as a peer cares to begin.
 *
 * <p>Frames are preceded by their length of three bytes. Nothing is read beyond their end.
 */
final class FrameRules {

    static final int MAX_KEEPALIVE_DATA_BYTES = 1_024;
    static final int KEEPALIVE = 0x03;

    private static final int SETUP = 0x01;
    private static final int REQUEST_RESPONSE = 0x04;
    private static final int REQUEST_FNF = 0x05;
    private static final int REQUEST_STREAM = 0x06;
    private static final int REQUEST_CHANNEL = 0x07;
    private static final int REQUEST_N = 0x08;
    private static final int CANCEL = 0x09;
    private static final int PAYLOAD = 0x0a;
    private static final int ERROR = 0x0b;

    private static final int STREAM_OFFSET = 3;
    private static final int TYPE_OFFSET = STREAM_OFFSET + Integer.BYTES;
    private static final int BODY_OFFSET = TYPE_OFFSET + Short.BYTES;
    private static final int TYPE_SHIFT = 10;
    private static final int METADATA_LENGTH_BYTES = 3;

    /** Version, keepalive interval and lifetime. */
    private static final int SETUP_NUMBERS_BYTES = 3 * Integer.BYTES;

    /** RSocket reads the length of a MIME type as a signed byte. */
    private static final int MAX_MIME_TYPE_BYTES = Byte.MAX_VALUE;

    private FrameRules() {}

    /** The code of a frame's type; the frame must have a header. */
    static int type(ByteBuf frame) {
        return frame.getUnsignedShort(frame.readerIndex() + TYPE_OFFSET) >>> TYPE_SHIFT;
    }

    /** Whether the frame has a header, and is a request that expects no answer. */
    static boolean isFireAndForget(ByteBuf frame) {
        return frame.readableBytes() >= BODY_OFFSET && type(frame) == REQUEST_FNF;
    }

    /** Whether a frame ends the connection; nothing may be wrong with it. */
    static boolean isErrorOfConnection(ByteBuf frame) {
        return type(frame) == ERROR && frame.getInt(frame.readerIndex() + STREAM_OFFSET) == 0;
    }

    /** Whether an error says no more than that the connection ends. */
    static boolean isMereEnd(ByteBuf error) {
        return error.getInt(error.readerIndex() + BODY_OFFSET) == ErrorFrameCodec.CONNECTION_ERROR;
    }

    /** What is wrong with a frame; null if nothing is. */
    static @Nullable String violation(ByteBuf frame) {
        if (frame.readableBytes() < BODY_OFFSET) {
            return "a frame without a header";
        }
        boolean ofConnection = frame.getInt(frame.readerIndex() + STREAM_OFFSET) == 0;
        return switch (type(frame)) {
            case SETUP -> isSetup(frame) && ofConnection ? null : "a malformed SETUP";
            case KEEPALIVE -> isKeepalive(frame) && ofConnection ? null : "a malformed KEEPALIVE";
            case REQUEST_RESPONSE, REQUEST_FNF -> isPayload(frame, 0) && !ofConnection ? null : "a malformed request";
            case REQUEST_STREAM, REQUEST_CHANNEL ->
                isDemand(frame) && isPayload(frame, Integer.BYTES) && !ofConnection
                        ? null
                        : "a malformed request for a stream";
            case REQUEST_N -> isDemand(frame) && !ofConnection ? null : "a malformed REQUEST_N";
            case CANCEL -> ofConnection ? "a CANCEL of nothing" : null;
            case PAYLOAD -> isPayload(frame, 0) && isSignal(frame) && !ofConnection ? null : "a malformed PAYLOAD";
            case ERROR -> body(frame) < Integer.BYTES ? "a malformed ERROR" : null;
            default -> "a frame of a type that is not used";
        };
    }

    private static boolean isKeepalive(ByteBuf frame) {
        int data = body(frame) - Long.BYTES;
        return data >= 0 && data <= MAX_KEEPALIVE_DATA_BYTES && !has(frame, FrameHeaderCodec.FLAGS_M);
    }

    /** The flag for fragments stands for RESUME here; neither is used. */
    private static boolean isSetup(ByteBuf frame) {
        int end = SETUP_NUMBERS_BYTES;
        for (int mimeType = 0; mimeType < 2 && end < body(frame); mimeType++) {
            int length = frame.getUnsignedByte(frame.readerIndex() + BODY_OFFSET + end);
            if (length > MAX_MIME_TYPE_BYTES) {
                return false;
            }
            end += 1 + length;
        }
        return end > SETUP_NUMBERS_BYTES + 1 && isPayload(frame, end);
    }

    private static boolean isDemand(ByteBuf frame) {
        return body(frame) >= Integer.BYTES && frame.getInt(frame.readerIndex() + BODY_OFFSET) > 0;
    }

    private static boolean isSignal(ByteBuf frame) {
        return has(frame, FrameHeaderCodec.FLAGS_N | FrameHeaderCodec.FLAGS_C);
    }

    /** Whether there is a whole payload at an offset of the body, its metadata ending within the frame. */
    private static boolean isPayload(ByteBuf frame, int offset) {
        int left = body(frame) - offset;
        if (left < 0 || has(frame, FrameHeaderCodec.FLAGS_F)) {
            return false;
        }
        return !has(frame, FrameHeaderCodec.FLAGS_M) || holdsMetadata(frame, offset, left - METADATA_LENGTH_BYTES);
    }

    private static boolean holdsMetadata(ByteBuf frame, int offset, int most) {
        return most >= 0 && frame.getUnsignedMedium(frame.readerIndex() + BODY_OFFSET + offset) <= most;
    }

    private static boolean has(ByteBuf frame, int flags) {
        return (frame.getUnsignedShort(frame.readerIndex() + TYPE_OFFSET) & flags) != 0;
    }

    private static int body(ByteBuf frame) {
        return frame.readableBytes() - BODY_OFFSET;
    }
}
