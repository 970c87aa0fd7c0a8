package dev.hivemind.rsocket;

import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.transport.SendWindow;
import io.netty.buffer.ByteBuf;
import io.rsocket.Payload;
import io.rsocket.util.ByteBufPayload;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Messages as payloads of one direction of a channel: a header with the first piece of the body, then the other pieces.
 * Copies no body. Takes the next message when the peer wants more and the one before is sent, and waits for the
 * connection's window before each payload.
 */
final class MessageChunks extends Flux<Payload> {

    /** The most bytes of a body in one payload. */
    static final int MAX_CHUNK_BYTES = 256 * 1024;

    private final Flux<Message> messages;
    private final SendWindow window;
    private volatile boolean unwanted;
    private volatile @Nullable Cutter cutter;

    /** Takes over each message. */
    MessageChunks(Flux<Message> messages, SendWindow window) {
        this.messages = Discards.released(messages);
        this.window = window;
    }

    @Override
    public void subscribe(CoreSubscriber<? super Payload> actual) {
        var started = new Cutter(actual, window);
        messages.subscribe(started);
        cutter = started;
        started.drain();
    }

    /** Nobody needs the messages that did not go yet: completes, and takes no more of the source. For one subscriber. */
    void end() {
        unwanted = true;
        Cutter started = cutter;
        if (started != null) {
            started.drain();
        }
    }

    /**
     * One direction of one channel. Signals come from any thread; the fields below {@code roomGranted} belong to the one that takes
     * the steps.
     */
    private final class Cutter extends SerialOperator<Message, Payload> {

        private final SendWindow window;
        private volatile @Nullable Message arrived;
        private volatile @Nullable Throwable closed;
        private volatile boolean roomGranted;

        private @Nullable Message current;
        private @Nullable Room room;
        private int sentBytes;
        private boolean asked;

        Cutter(CoreSubscriber<? super Payload> actual, SendWindow window) {
            super(actual, 0);
            this.window = window;
        }

        @Override
        public void onNext(Message message) {
            arrived = message;
            drain();
        }

        @Override
        boolean step() {
            Throwable broken = closed;
            if (broken != null) {
                fail(broken);
                return false;
            }
            if (unwanted) {
                source().cancel();
                end(null);
                return false;
            }
            if (current == null) {
                return next();
            }
            return !demand.isZero() && hasRoom() && send(current);
        }

        private boolean next() {
            Message message = arrived;
            if (message != null) {
                arrived = null;
                asked = false;
                sentBytes = 0;
                current = message;
                return true;
            }
            if (hasSourceEnded()) {
                end(failure());
                return false;
            }
            if (asked || demand.isZero()) {
                return false;
            }
            asked = true;
            source().request(1);
            return true;
        }

        private boolean hasRoom() {
            if (roomGranted) {
                return true;
            }
            if (room != null) {
                return false;
            }
            Mono<Void> awaited = window.awaitRoom();
            if (awaited instanceof Callable<?> scalar) {
                return isGranted(scalar);
            }
            room = new Room();
            awaited.subscribe(room);
            return roomGranted;
        }

        private boolean isGranted(Callable<?> scalar) {
            try {
                scalar.call();
                return true;
            } catch (Exception broken) {
                fail(broken);
                return false;
            }
        }

        private boolean send(Message message) {
            roomGranted = false;
            room = null;
            Payload payload;
            try {
                payload = sentBytes == 0 ? header(message) : ByteBufPayload.create(piece(message));
            } catch (RuntimeException refused) {
                fail(refused);
                return false;
            }
            boolean last = current == null;
            demand.take();
            actual.onNext(payload);
            if (last) {
                message.passedOn();
            }
            return true;
        }

        private Payload header(Message message) {
            int bytes = message.body().readableBytes();
            ByteBuf metadata =
                    FrameCodec.encode(bytes > MAX_CHUNK_BYTES ? message.header().announcing(bytes) : message.header());
            return ByteBufPayload.create(piece(message), metadata);
        }

        /** The next piece of the body. */
        private ByteBuf piece(Message message) {
            ByteBuf body = message.body();
            int start = sentBytes;
            int length = Math.min(MAX_CHUNK_BYTES, body.readableBytes() - start);
            sentBytes += length;
            if (sentBytes < body.readableBytes()) {
                return body.retainedSlice(body.readerIndex() + start, length);
            }
            current = null;
            return start == 0 ? body : lastPiece(body, start, length);
        }

        private static ByteBuf lastPiece(ByteBuf body, int start, int length) {
            ByteBuf piece = body.retainedSlice(body.readerIndex() + start, length);
            body.release();
            return piece;
        }

        @Override
        void discard() {
            if (current != null) {
                current.release();
                current = null;
            }
            Message message = arrived;
            if (message != null) {
                arrived = null;
                message.release();
            }
            if (room != null) {
                room.dispose();
                room = null;
            }
        }

        /** Waits for the window. */
        private final class Room extends BaseSubscriber<Void> {

            @Override
            protected void hookOnComplete() {
                roomGranted = true;
                drain();
            }

            @Override
            protected void hookOnError(Throwable error) {
                closed = error;
                drain();
            }
        }
    }
}
