package dev.hivemind.moe.server.batching;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.tensor.Cut;
import dev.hivemind.rsocket.PointOfNoReturn;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.List;

/**
 * What a caller wants to have computed.
 *
 * @param tensors of equal layout in every call of a pool but for the number of rows
 * @param rows of each tensor
 * @param deadline when the caller gives up
 * @param priority as in the header of a request: above 0 is urgent, below 0 can wait
 * @param caller among whom a pool is fair
 * @param replyCompression used for the result, on the device thread, where it makes a tensor smaller
 * @param point passed when a batch takes the call; one that was given up before is dropped without an answer
 */
public record Call(
        List<TensorFrame> tensors,
        int rows,
        Deadline deadline,
        int priority,
        PeerId caller,
        Compression replyCompression,
        PointOfNoReturn point) {

    /** A call that changes no state, whose result is not compressed. */
    public Call(List<TensorFrame> tensors, int rows, Deadline deadline, int priority, PeerId caller) {
        this(tensors, rows, deadline, priority, caller, Compression.NONE, () -> true);
    }

    public Call {
        tensors = List.copyOf(tensors);
        requireNonNull(deadline, "deadline");
        requireNonNull(caller, "caller");
        requireNonNull(replyCompression, "replyCompression");
        requireNonNull(point, "point");
    }

    long sizeBytes() {
        long bytes = 0;
        for (TensorFrame tensor : tensors) {
            bytes += tensor.data().readableBytes();
        }
        return bytes;
    }

    /** What the result is to look like. */
    Cut cut() {
        return new Cut(rows, replyCompression);
    }

    void retain() {
        tensors.forEach(tensor -> tensor.data().retain());
    }

    void release() {
        tensors.forEach(TensorFrame::release);
    }
}
