package dev.hivemind.rsocket.frame;

import static java.util.Objects.requireNonNull;

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
 */
public record FrameHeader(
        Operation operation,
        String target,
        CallId callId,
        Deadline deadline,
        int priority,
        List<TensorDescriptor> tensors) {

    public FrameHeader {
        requireNonNull(operation, "operation");
        requireNonNull(target, "target");
        requireNonNull(callId, "callId");
        requireNonNull(deadline, "deadline");
        tensors = List.copyOf(tensors);
    }

    /** The header of the answer to this request. */
    public FrameHeader reply(List<TensorDescriptor> replyTensors) {
        return new FrameHeader(operation, "", callId, deadline, priority, replyTensors);
    }
}
