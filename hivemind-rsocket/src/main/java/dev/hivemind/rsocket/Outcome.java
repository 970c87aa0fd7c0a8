package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ErrorCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import reactor.core.publisher.MonoSink;

/** How a call has ended, in a form that can be kept. Guarded by the lock of whoever keeps it. */
sealed interface Outcome {

    /** Bytes of memory that keeping this takes. */
    long weight();

    /** Takes what one caller is to receive. The result hands it over, once, outside any lock. */
    Runnable answerTo(MonoSink<Reply> caller);

    /** Gives up what is kept. */
    void release();

    /** Takes over the reply. One that keeps far more memory alive than its own bytes is copied, if it is to be kept. */
    static Outcome of(Reply reply, long maxWeight) {
        ByteBuf body = reply.body();
        long held = Answered.heldBytes(body);
        if (held <= 2L * body.readableBytes() || body.readableBytes() > maxWeight) {
            return new Answered(reply, held);
        }
        try {
            return new Answered(new Reply(reply.descriptors(), body.copy()), body.readableBytes());
        } finally {
            reply.release();
        }
    }

    /** An error is kept as its text on the wire, which is short, whereas stack traces are not. */
    static Outcome of(Throwable error) {
        return new Failed(ErrorCodec.toText(error));
    }

    /** A reply, of which every caller receives a view with a reference of its own. */
    record Answered(Reply reply, long weight) implements Outcome {

        @Override
        public Runnable answerTo(MonoSink<Reply> caller) {
            var copy = new Reply(reply.descriptors(), reply.body().retainedSlice());
            return () -> caller.success(copy);
        }

        @Override
        public void release() {
            reply.release();
        }

        /** A view keeps all of what it is a view of. */
        static long heldBytes(ByteBuf buffer) {
            if (buffer instanceof CompositeByteBuf composite) {
                long held = 0;
                for (int i = 0; i < composite.numComponents(); i++) {
                    held += heldBytes(composite.component(i));
                }
                return held;
            }
            ByteBuf viewed = buffer.unwrap();
            return viewed == null ? buffer.capacity() : heldBytes(viewed);
        }
    }

    /** An error, as the text of an ERROR frame. */
    record Failed(String text) implements Outcome {

        @Override
        public long weight() {
            return (long) Character.BYTES * text.length();
        }

        @Override
        public Runnable answerTo(MonoSink<Reply> caller) {
            return () -> caller.error(ErrorCodec.fromText(text));
        }

        @Override
        public void release() {}
    }
}
