package dev.hivemind.rsocket;

import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;

/** Tensors of bytes that tell where they stand. */
final class Bodies {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private Bodies() {}

    static TensorFrame frame(int bytes) {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(Math.max(1, bytes), Math.max(1, bytes));
        return new TensorFrame(TensorDescriptor.of(ElementType.UINT8, bytes), data.writeBytes(pattern(bytes)));
    }

    private static byte[] pattern(int bytes) {
        byte[] pattern = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            pattern[i] = (byte) (i * 0x9E3779B1 >>> 24);
        }
        return pattern;
    }

    static Request request(int bytes) {
        return Request.ofTensors(Operation.EXPERT_FORWARD, "x", TIMEOUT, List.of(frame(bytes)));
    }

    static Reply reply(int bytes) {
        return Reply.ofTensors(List.of(frame(bytes)));
    }

    /** Whether these are the bytes of {@link #frame}; borrows them. */
    static boolean areIntact(ByteBuf body, int bytes) {
        return body.nioBuffer().equals(ByteBuffer.wrap(pattern(bytes)));
    }

    /** Releases the reply, and returns how long it was, or -1 if it was damaged. */
    static int check(Reply reply) {
        try {
            int bytes = reply.body().readableBytes();
            return areIntact(reply.body(), bytes) ? bytes : -1;
        } finally {
            reply.release();
        }
    }
}
