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

    /** Reads a message; borrows the buffer. */
    static <M extends MessageLite> M decode(ByteBuf body, Parser<M> parser) {
        try {
            return parser.parseFrom(CodedInputStream.newInstance(body.nioBuffer()));
        } catch (IOException e) {
            throw new ProtocolViolationException("The body is not the message that this operation expects");
        }
    }
}
