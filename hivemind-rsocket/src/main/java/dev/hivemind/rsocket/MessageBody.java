package dev.hivemind.rsocket;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;

/** Protobuf messages in reference-counted buffers. */
final class MessageBody {

    /** Room for a full {@link Hello}, or a proof. */
    static final int MAX_HELLO_BYTES = 16 * 1_024;

    /** Room for eight of the largest records of the DHT. Parsed messages take several times the memory of their bytes. */
    static final int DEFAULT_MAX_BYTES = 2 * 1_024 * 1_024;

    private MessageBody() {}

    /** The message's bytes in a pooled buffer that the caller owns. */
    static ByteBuf encode(MessageLite message) {
        int size = message.getSerializedSize();
        ByteBuf buffer = ByteBufAllocator.DEFAULT.buffer(Math.max(1, size));
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

    /** Reads a message of at most so many bytes; refuses a larger one unread. Borrows the buffer. */
    static <M extends MessageLite> M decode(ByteBuf body, Parser<M> parser, int maxBytes) {
        if (body.readableBytes() > maxBytes) {
            throw new ProtocolViolationException(
                    "A message of %d bytes is larger than the %d that this operation allows"
                            .formatted(body.readableBytes(), maxBytes));
        }
        try {
            return parser.parseFrom(CodedInputStream.newInstance(body.nioBuffer()));
        } catch (IOException e) {
            throw new ProtocolViolationException("The body is not the message that this operation expects");
        }
    }
}
