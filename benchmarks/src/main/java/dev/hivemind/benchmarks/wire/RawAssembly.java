package dev.hivemind.benchmarks.wire;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.function.BiConsumer;

/** Puts the pieces of one message after another into tensors. For one connection, on its event loop. */
final class RawAssembly {

    private final BiConsumer<Op, ByteBuf> receiver;
    private ByteBuf tensor = Unpooled.EMPTY_BUFFER;

    /** @param receiver is lent each tensor */
    RawAssembly(BiConsumer<Op, ByteBuf> receiver) {
        this.receiver = receiver;
    }

    /** Takes a frame as the decoder gives it, borrowed. */
    void accept(ByteBuf frame) {
        Op op = Op.ofCode(frame.readByte());
        int total = frame.readInt();
        if (tensor.capacity() == 0 && total > 0) {
            tensor = Tensors.ofSize(total);
        }
        tensor.writeBytes(frame);
        if (tensor.readableBytes() == total) {
            receiver.accept(op, tensor);
            tensor.release();
            tensor = Unpooled.EMPTY_BUFFER;
        }
    }
}
