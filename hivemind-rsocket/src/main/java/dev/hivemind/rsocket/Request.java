package dev.hivemind.rsocket;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;

/**
 * A call to a peer. The body is either tensors, as the header describes them, or the operation's own protobuf message.
 *
 * <p>Ownership: whoever creates a request releases it once. Methods that take a request borrow it.
 *
 * @param header what is asked for
 * @param body reference-counted bytes
 * @param expectedReplyBytes how long the caller expects the body of the reply to be; 0 when it does not know
 */
public record Request(FrameHeader header, ByteBuf body, long expectedReplyBytes) {

    /** A call whose caller does not know how long the reply will be. */
    public Request(FrameHeader header, ByteBuf body) {
        this(header, body, 0);
    }

    /**
     * This request, expecting a reply of so many bytes. Beyond 256 KiB that spares the peer an answer in vain.
     *
     * <p>Ownership: the result stands for this request; one of the two is released.
     */
    public Request expectingReplyOf(long bytes) {
        return new Request(header, body, bytes);
    }

    /**
     * A call that carries tensors, with a new call id.
     *
     * <p>Ownership: takes over the frames.
     *
     * @param target the expert uid
     * @param timeout how long the caller waits
     */
    public static Request ofTensors(Operation operation, String target, Duration timeout, List<TensorFrame> tensors) {
        var header = new FrameHeader(
                operation, target, CallId.random(), Deadline.after(timeout), 0, TensorFrameCodec.descriptors(tensors));
        return new Request(header, TensorFrameCodec.join(tensors));
    }

    /**
     * A call that carries a protobuf message, with a new call id.
     *
     * @param target the expert uid, or empty
     * @param timeout how long the caller waits
     */
    public static Request ofMessage(Operation operation, String target, Duration timeout, MessageLite message) {
        var header = new FrameHeader(operation, target, CallId.random(), Deadline.after(timeout), 0, List.of());
        return new Request(header, MessageBody.encode(message));
    }

    /**
     * The same call with a wish for the reply: its tensors come compressed so, where that is possible and the peer knows
     * how.
     *
     * <p>Ownership: the result takes this request's place and its reference to the body; release only the result.
     */
    public Request wantingReplyAs(Compression compression) {
        return new Request(header.withReplyCompression(compression), body, expectedReplyBytes);
    }

    /**
     * A subscription that carries a protobuf message, with a new call id, until it is cancelled.
     *
     * @param target the expert uid, or empty
     */
    public static Request ofSubscription(Operation operation, String target, MessageLite message) {
        var header = new FrameHeader(operation, target, CallId.random(), Deadline.NEVER, 0, List.of());
        return new Request(header, MessageBody.encode(message));
    }

    /**
     * The tensors as views of the body, valid until the request is released.
     *
     * @throws ProtocolViolationException if the header announces other sizes than arrived
     */
    public List<TensorFrame> tensors() {
        return TensorFrameCodec.slice(header.tensors(), body);
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
