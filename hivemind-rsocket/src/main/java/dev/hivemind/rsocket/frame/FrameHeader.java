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
 * @param tensors layout of the body; empty when the body is the operation's own message
 * @param replyCompression how the caller wants the tensors of the reply; what cannot be compressed so comes as it is
 * @param bodyBytes length of a body that continues in further payloads; 0 when one payload holds all of it
 * @param error why the call failed, in a reply on a channel; empty when it did not
 * @param waitsForRoom whether the caller, as long as its deadline lets it, would rather wait for room at the peer than be
 *     refused
 */
public record FrameHeader(
        Operation operation,
        String target,
        CallId callId,
        Deadline deadline,
        int priority,
        List<TensorDescriptor> tensors,
        Compression replyCompression,
        int bodyBytes,
        String error,
        boolean waitsForRoom) {

    public FrameHeader {
        requireNonNull(operation, "operation");
        requireNonNull(target, "target");
        requireNonNull(callId, "callId");
        requireNonNull(deadline, "deadline");
        requireNonNull(error, "error");
        tensors = List.copyOf(tensors);
        requireNonNull(replyCompression, "replyCompression");
    }

    /** The header of a message that one payload holds, asking for no compression of the reply. */
    public FrameHeader(
            Operation operation,
            String target,
            CallId callId,
            Deadline deadline,
            int priority,
            List<TensorDescriptor> tensors) {
        this(operation, target, callId, deadline, priority, tensors, Compression.NONE, 0, "", false);
    }

    /** The same header with another wish for the reply. */
    public FrameHeader withReplyCompression(Compression wanted) {
        return new FrameHeader(
                operation, target, callId, deadline, priority, tensors, wanted, bodyBytes, error, waitsForRoom);
    }

    /** The same header, but the call waits for room rather than be refused. */
    public FrameHeader waitingForRoom() {
        return new FrameHeader(
                operation, target, callId, deadline, priority, tensors, replyCompression, bodyBytes, error, true);
    }

    /** The same header with another layout of the data part. */
    public FrameHeader withTensors(List<TensorDescriptor> others) {
        return new FrameHeader(
                operation,
                target,
                callId,
                deadline,
                priority,
                others,
                replyCompression,
                bodyBytes,
                error,
                waitsForRoom);
    }

    /** The header of the answer to this request. */
    public FrameHeader reply(List<TensorDescriptor> replyTensors) {
        return new FrameHeader(operation, "", callId, deadline, priority, replyTensors);
    }

    /** The header of an answer on a channel that says why this request failed. */
    public FrameHeader failure(String replyError) {
        return new FrameHeader(
                operation, "", callId, deadline, priority, List.of(), Compression.NONE, 0, replyError, false);
    }

    /** This header for a body of so many bytes that does not fit one payload. */
    public FrameHeader announcing(int announcedBytes) {
        return new FrameHeader(
                operation,
                target,
                callId,
                deadline,
                priority,
                tensors,
                replyCompression,
                announcedBytes,
                error,
                waitsForRoom);
    }
}
