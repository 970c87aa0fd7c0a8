package dev.hivemind.rsocket;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a {@link Request}: tensors, or the operation's own protobuf message.
 *
 * <p>Ownership: whoever receives a reply releases it once.
 *
 * @param callId the call that it answers; {@link CallId#NONE} before it is sent
 * @param descriptors layout of the tensors in the body; empty when the body is a message
 * @param body reference-counted bytes
 * @param error why the call failed, in a reply of a {@link PeerConnection#stream stream}; null when it did not
 */
public record Reply(
        CallId callId,
        List<TensorDescriptor> descriptors,
        ByteBuf body,
        @Nullable RpcException error) {

    public Reply {
        requireNonNull(callId, "callId");
        requireNonNull(body, "body");
        descriptors = List.copyOf(descriptors);
    }

    /** An answer that is still to be sent. */
    public Reply(List<TensorDescriptor> descriptors, ByteBuf body) {
        this(CallId.NONE, descriptors, body, null);
    }

    /** The answer to a call of a stream that failed. */
    static Reply failed(CallId callId, RpcException error) {
        return new Reply(callId, List.of(), Unpooled.EMPTY_BUFFER, error);
    }

    /**
     * An answer that carries tensors.
     *
     * <p>Ownership: takes over the frames.
     */
    public static Reply ofTensors(List<TensorFrame> tensors) {
        return new Reply(TensorFrameCodec.descriptors(tensors), TensorFrameCodec.join(tensors));
    }

    /** An answer that carries a protobuf message. */
    public static Reply ofMessage(MessageLite message) {
        return new Reply(List.of(), MessageBody.encode(message));
    }

    /**
     * The tensors as views of the body, valid until the reply is released.
     *
     * @throws ProtocolViolationException if the header announces other sizes than arrived
     * @throws RpcException the {@link #error()}, if the call failed
     */
    public List<TensorFrame> tensors() {
        requireSuccess();
        return TensorFrameCodec.slice(descriptors, body);
    }

    /**
     * The body as a protobuf message of at most 2 MiB.
     *
     * @throws ProtocolViolationException if it is something else, or larger
     * @throws RpcException the {@link #error()}, if the call failed
     */
    public <M extends MessageLite> M message(Parser<M> parser) {
        return message(parser, MessageBody.DEFAULT_MAX_BYTES);
    }

    /**
     * The body as a protobuf message of bounded size.
     *
     * @param maxBytes the largest body to parse
     * @throws ProtocolViolationException if it is something else, or larger
     * @throws RpcException the {@link #error()}, if the call failed
     */
    public <M extends MessageLite> M message(Parser<M> parser, int maxBytes) {
        requireSuccess();
        return MessageBody.decode(body, parser, maxBytes);
    }

    void requireSuccess() {
        if (error != null) {
            throw error;
        }
    }

    /** Gives up the reference to the body. */
    public void release() {
        body.release();
    }
}
