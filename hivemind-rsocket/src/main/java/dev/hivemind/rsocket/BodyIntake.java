package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.TensorBuffers;
import io.netty.buffer.ByteBuf;
import io.rsocket.Payload;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;

/**
 * Puts the messages of one direction of a channel together, one after another. A body that one payload holds is not
 * copied. Of a larger one, all is charged to the budget and allocated after its header was checked, and each piece is
 * copied once. Not thread-safe, except for the release of the bodies that it emitted.
 */
final class BodyIntake implements Disposable {

    /** Bytes of large bodies of one direction that may be held; the next one waits, unless it is alone. */
    static final long MAX_HELD_BYTES = 64L << 20;

    /** The least that a sender of a body has to send within the patience of the receiver. */
    private static final int MIN_PROGRESS_BYTES = MessageChunks.MAX_CHUNK_BYTES;

    private static final Duration RETRY_AFTER = Duration.ofMillis(500);

    private final Limits limits;
    private final Runnable onRoom;
    private final AtomicLong heldBytes = new AtomicLong();

    private volatile @Nullable Head waiting;
    private @Nullable Body body;
    private @Nullable Message complete;
    private int bodies;
    private int watchedBody;
    private int watchedBytes;

    /** {@code onRoom} hears on any thread when a body was released. */
    BodyIntake(Limits limits, Runnable onRoom) {
        this.limits = limits;
        this.onRoom = onRoom;
    }

    /**
     * What bounds the large bodies that arrive.
     *
     * @param patience within which a sender has to send 256 KiB, or the rest
     */
    record Limits(ByteBudget budget, PeerId peer, Duration patience) {}

    /** The first payload of a message that is larger than it. */
    private record Head(FrameHeader header, Payload first) {}

    /** A message that grows. */
    private record Body(FrameHeader header, ByteBuf bytes, ByteBudget.Reservation reservation) {

        void release() {
            bytes.release();
            reservation.release();
        }
    }

    /** Whether a message has begun and is not complete. */
    boolean isInsideBody() {
        return body != null;
    }

    /** Whether a message waits until others are released. */
    boolean isWaiting() {
        return waiting != null;
    }

    /** The message that is complete, or null. */
    @Nullable Message poll() {
        Message polled = complete;
        complete = null;
        return polled;
    }

    /** Takes over the payload, also when it throws. */
    void accept(Payload payload) {
        boolean kept = false;
        try {
            kept = body == null ? begin(payload) : append(payload, body);
        } finally {
            if (!kept) {
                payload.release();
            }
        }
        tryStart();
    }

    /** Whether the payload is kept. */
    private boolean begin(Payload payload) {
        if (!payload.hasMetadata()) {
            throw new ProtocolViolationException("A piece of a body came without a header before it");
        }
        FrameHeader header = FrameCodec.decode(payload.sliceMetadata());
        ByteBuf data = payload.sliceData();
        int arrived = data.readableBytes();
        int announced = header.bodyBytes() == 0 ? arrived : header.bodyBytes();
        Message.requireMatchingLength(header, announced);
        requirePiece(arrived, announced, header.bodyBytes() > 0);
        if (arrived == announced) {
            complete = new Message(header, data.retain());
            return false;
        }
        waiting = new Head(header, payload);
        return true;
    }

    /** Begins the message that waits, if there is room; false when there is none yet. */
    boolean tryStart() {
        Head head = waiting;
        if (head == null) {
            return false;
        }
        int announced = head.header().bodyBytes();
        long others = heldBytes.get();
        if (others > 0 && others + announced > MAX_HELD_BYTES) {
            return false;
        }
        body = allocate(head.header());
        bodies++;
        heldBytes.addAndGet(announced);
        body.bytes().writeBytes(head.first().sliceData());
        waiting = null;
        head.first().release();
        return true;
    }

    private Body allocate(FrameHeader header) {
        int bytes = header.bodyBytes();
        ByteBudget.Reservation reservation = limits.budget().reserve(limits.peer(), bytes);
        try {
            return new Body(header, TensorBuffers.allocate(bytes), reservation);
        } catch (OutOfMemoryError full) {
            reservation.release();
            throw new OverloadedException("No memory for a body of %d bytes now".formatted(bytes), RETRY_AFTER);
        }
    }

    private boolean append(Payload payload, Body target) {
        if (payload.hasMetadata()) {
            throw new ProtocolViolationException("A header came inside a body");
        }
        ByteBuf data = payload.sliceData();
        requirePiece(data.readableBytes(), target.bytes().writableBytes(), true);
        target.bytes().writeBytes(data);
        if (!target.bytes().isWritable()) {
            finish(target);
        }
        return false;
    }

    private static void requirePiece(int bytes, int rest, boolean isPart) {
        if (bytes > rest) {
            throw new ProtocolViolationException("The body has more bytes than its header announces");
        }
        if (isPart && bytes == 0) {
            throw new ProtocolViolationException("A piece of a body is empty");
        }
    }

    private void finish(Body whole) {
        body = null;
        complete = new Message(whole.header(), new ChargedBody(whole.bytes(), () -> released(whole)));
    }

    private void released(Body whole) {
        whole.reservation().release();
        heldBytes.addAndGet(-whole.header().bodyBytes());
        if (waiting != null) {
            onRoom.run();
        }
    }

    /** @throws ProtocolViolationException if a body is not complete */
    void requireComplete() {
        if (body != null) {
            throw new ProtocolViolationException("The channel ended inside a body");
        }
    }

    /** @throws ProtocolViolationException if a body has not grown enough since the last call */
    void requireProgress() {
        int now = body == null ? 0 : body.bytes().writerIndex();
        if (body != null && bodies == watchedBody) {
            int least = Math.min(MIN_PROGRESS_BYTES, body.bytes().capacity() - watchedBytes);
            if (now - watchedBytes < least) {
                throw new ProtocolViolationException("The sender stopped inside a body");
            }
        }
        watchedBody = bodies;
        watchedBytes = now;
    }

    /** Gives up what was not polled. */
    @Override
    public void dispose() {
        Head head = waiting;
        if (head != null) {
            waiting = null;
            head.first().release();
        }
        if (body != null) {
            body.release();
            body = null;
        }
        if (complete != null) {
            complete.release();
            complete = null;
        }
    }
}
