package dev.hivemind.rsocket.frame;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.util.List;

/**
 * The metadata of a request or a reply.
 *
 * @param operation what is asked for; a reply repeats it
 * @param target the expert uid; empty for operations on the peer itself
 * @param callId the call's name; a reply repeats it
 * @param deadline when the caller gives up
 * @param priority higher runs earlier; 0 is normal
 * @param tensors layout of the data part; empty when the data part is the operation's own message
 * @param replyCompression how the caller wants the tensors of the reply; what cannot be compressed so comes as it is
 */
public record FrameHeader(
        Operation operation,
        String target,
        CallId callId,
        Deadline deadline,
        int priority,
        List<TensorDescriptor> tensors,
        Compression replyCompression) {

    public FrameHeader {
        requireNonNull(operation, "operation");
        requireNonNull(target, "target");
        requireNonNull(callId, "callId");
        requireNonNull(deadline, "deadline");
        tensors = List.copyOf(tensors);
        requireNonNull(replyCompression, "replyCompression");
    }

    /** A header that asks for no compression of the reply. */
    public FrameHeader(
            Operation operation,
            String target,
            CallId callId,
            Deadline deadline,
            int priority,
            List<TensorDescriptor> tensors) {
        this(operation, target, callId, deadline, priority, tensors, Compression.NONE);
    }

    /** The same header with another wish for the reply. */
    public FrameHeader withReplyCompression(Compression wanted) {
        return new FrameHeader(operation, target, callId, deadline, priority, tensors, wanted);
    }

    /** The same header with another layout of the data part. */
    public FrameHeader withTensors(List<TensorDescriptor> others) {
        return new FrameHeader(operation, target, callId, deadline, priority, others, replyCompression);
    }

    /** The header of the answer to this request. */
    public FrameHeader reply(List<TensorDescriptor> replyTensors) {
        return new FrameHeader(operation, "", callId, deadline, priority, replyTensors);
    }
}
