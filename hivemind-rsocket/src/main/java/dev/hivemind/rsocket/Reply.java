package dev.hivemind.rsocket;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import java.util.List;

/**
 * The answer to a {@link Request}: tensors, or the operation's own protobuf message.
 *
 * <p>Ownership: whoever receives a reply releases it once.
 *
 * @param descriptors layout of the tensors in the body; empty when the body is a message
 * @param body reference-counted bytes
 */
public record Reply(List<TensorDescriptor> descriptors, ByteBuf body) {

    public Reply {
        descriptors = List.copyOf(descriptors);
    }

    /**
     * An answer that carries tensors.
     *
     * <p>Ownership: takes over the frames.
     */
    public static Reply ofTensors(List<TensorFrame> tensors) {
        return new Reply(tensors.stream().map(TensorFrame::descriptor).toList(), TensorFrameCodec.join(tensors));
    }

    /** An answer that carries a protobuf message. */
    public static Reply ofMessage(MessageLite message) {
        return new Reply(List.of(), MessageBody.encode(message));
    }

    /**
     * The tensors as views of the body, valid until the reply is released.
     *
     * @throws ProtocolViolationException if the header announces other sizes than arrived
     */
    public List<TensorFrame> tensors() {
        return TensorFrameCodec.slice(descriptors, body);
    }

    /**
     * The body as a protobuf message of at most 2 MiB.
     *
     * @throws ProtocolViolationException if it is something else, or larger
     */
    public <M extends MessageLite> M message(Parser<M> parser) {
        return message(parser, MessageBody.DEFAULT_MAX_BYTES);
    }

    /**
     * The body as a protobuf message of bounded size.
     *
     * @param maxBytes the largest body to parse
     * @throws ProtocolViolationException if it is something else, or larger
     */
    public <M extends MessageLite> M message(Parser<M> parser, int maxBytes) {
        return MessageBody.decode(body, parser, maxBytes);
    }

    /** Gives up the reference to the body. */
    public void release() {
        body.release();
    }
}
