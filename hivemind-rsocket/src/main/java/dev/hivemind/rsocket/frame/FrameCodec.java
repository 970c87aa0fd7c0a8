package dev.hivemind.rsocket.frame;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.proto.FrameHeaderMessage;
import dev.hivemind.rsocket.proto.TensorDescriptorMessage;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** {@link FrameHeader} to protobuf and back. Decoding checks every field; nothing is allocated on a peer's word. */
public final class FrameCodec {

    /** The most bytes a header may take. */
    public static final int MAX_HEADER_BYTES = 16 * 1024;

    /** The most bytes of UTF-8 a target may take. */
    public static final int MAX_TARGET_BYTES = 256;

    /** The most bytes of UTF-8 an error may take: 1,024 characters. */
    private static final int MAX_ERROR_BYTES = 4 * 1024;

    private FrameCodec() {}

    /** The header's bytes in a pooled buffer that the caller owns. */
    public static ByteBuf encode(FrameHeader header) {
        FrameHeaderMessage message = toMessage(header);
        int size = message.getSerializedSize();
        if (size > MAX_HEADER_BYTES) {
            throw new ProtocolViolationException(
                    "A header has at most %d bytes, not %d".formatted(MAX_HEADER_BYTES, size));
        }
        ByteBuf buffer = ByteBufAllocator.DEFAULT.buffer(size);
        try {
            CodedOutputStream output = CodedOutputStream.newInstance(buffer.nioBuffer(0, size));
            message.writeTo(output);
            output.flush();
            return buffer.writerIndex(size);
        } catch (IOException e) {
            buffer.release();
            throw new IllegalStateException("A buffer of the serialized size was too small", e);
        }
    }

    /**
     * Reads a header.
     *
     * <p>Ownership: borrows the buffer and leaves its indices alone.
     *
     * @throws ProtocolViolationException if a field is missing, malformed or outside its bounds
     */
    public static FrameHeader decode(ByteBuf metadata) {
        if (metadata.readableBytes() > MAX_HEADER_BYTES) {
            throw new ProtocolViolationException(
                    "A header has at most %d bytes, not %d".formatted(MAX_HEADER_BYTES, metadata.readableBytes()));
        }
        try {
            return fromMessage(FrameHeaderMessage.parseFrom(CodedInputStream.newInstance(metadata.nioBuffer())));
        } catch (InvalidProtocolBufferException e) {
            throw new ProtocolViolationException("The header is not a FrameHeaderMessage");
        } catch (IOException e) {
            throw new IllegalStateException("Reading from memory failed", e);
        }
    }

    private static FrameHeaderMessage toMessage(FrameHeader header) {
        var message = FrameHeaderMessage.newBuilder()
                .setOperation(header.operation().wireId())
                .setTarget(header.target())
                .setCallId(ByteString.copyFrom(header.callId().toBytes()))
                .setDeadlineMillis(deadlineMillis(header.deadline()))
                .setPriority(header.priority())
                .setBodyBytes(header.bodyBytes())
                .setReplyCompression(header.replyCompression().wireId())
                .setError(header.error())
                .setWaitForRoom(header.waitsForRoom());
        for (TensorDescriptor tensor : header.tensors()) {
            message.addTensors(toMessage(tensor));
        }
        return message.build();
    }

    private static int deadlineMillis(Deadline deadline) {
        return deadline.isNever()
                ? 0
                : Math.max(1, Math.toIntExact(deadline.remaining().toMillis()));
    }

    private static TensorDescriptorMessage toMessage(TensorDescriptor tensor) {
        return TensorDescriptorMessage.newBuilder()
                .setElementType(tensor.elementType().wireId())
                .addAllShape(tensor.shape())
                .setByteLength(tensor.wireBytes())
                .setCompression(tensor.compression().wireId())
                .build();
    }

    private static FrameHeader fromMessage(FrameHeaderMessage message) {
        return new FrameHeader(
                Operation.ofWireId(message.getOperation()),
                target(message),
                callId(message.getCallId()),
                deadline(message),
                message.getPriority(),
                tensors(message.getTensorsList()),
                replyCompression(message),
                bodyBytes(message),
                error(message),
                message.getWaitForRoom());
    }

    /** A wish that is not understood here is not granted, and does no harm. */
    private static Compression replyCompression(FrameHeaderMessage message) {
        return Compression.find(message.getReplyCompression()).orElse(Compression.NONE);
    }

    private static int bodyBytes(FrameHeaderMessage message) {
        long bytes = message.getBodyBytes();
        if (bytes < 0 || bytes > Integer.MAX_VALUE) {
            throw new ProtocolViolationException("A body has at most %d bytes".formatted(Integer.MAX_VALUE));
        }
        return (int) bytes;
    }

    private static String error(FrameHeaderMessage message) {
        if (ByteBufUtil.utf8Bytes(message.getError()) > MAX_ERROR_BYTES) {
            throw new ProtocolViolationException("An error has at most %d bytes".formatted(MAX_ERROR_BYTES));
        }
        return message.getError();
    }

    private static String target(FrameHeaderMessage message) {
        if (ByteBufUtil.utf8Bytes(message.getTarget()) > MAX_TARGET_BYTES) {
            throw new ProtocolViolationException("A target has at most %d bytes".formatted(MAX_TARGET_BYTES));
        }
        return message.getTarget();
    }

    private static CallId callId(ByteString bytes) {
        if (bytes.size() != CallId.BYTES) {
            throw new ProtocolViolationException(
                    "A call id has %d bytes, not %d".formatted(CallId.BYTES, bytes.size()));
        }
        return CallId.read(bytes.asReadOnlyByteBuffer());
    }

    private static Deadline deadline(FrameHeaderMessage message) {
        long millis = Integer.toUnsignedLong(message.getDeadlineMillis());
        return millis == 0 ? Deadline.NEVER : Deadline.after(Duration.ofMillis(millis));
    }

    private static List<TensorDescriptor> tensors(List<TensorDescriptorMessage> messages) {
        if (messages.size() > TensorFrameCodec.MAX_TENSORS) {
            throw new ProtocolViolationException(
                    "A call carries at most %d tensors".formatted(TensorFrameCodec.MAX_TENSORS));
        }
        var descriptors = new ArrayList<TensorDescriptor>(messages.size());
        for (TensorDescriptorMessage message : messages) {
            descriptors.add(fromMessage(message));
        }
        return descriptors;
    }

    private static TensorDescriptor fromMessage(TensorDescriptorMessage message) {
        var descriptor = new TensorDescriptor(
                ElementType.ofWireId(message.getElementType()),
                message.getShapeList(),
                Compression.ofWireId(message.getCompression()));
        if (message.getByteLength() != descriptor.wireBytes()) {
            throw new ProtocolViolationException(
                    "%s takes %d bytes, not %d".formatted(descriptor, descriptor.wireBytes(), message.getByteLength()));
        }
        return descriptor;
    }
}
