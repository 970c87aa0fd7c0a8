package dev.hivemind.benchmarks.wire;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.SplittableRandom;

/** Contiguous direct buffers from the pool, which stand for the memory of tensors. The caller owns them. */
final class Tensors {

    private Tensors() {}

    /** Room for that many bytes. */
    static ByteBuf ofSize(int bytes) {
        return ByteBufAllocator.DEFAULT.directBuffer(bytes, bytes);
    }

    /** The same apart from the pool, so that what the process holds tells whether it lives. */
    static ByteBuf ofSizeUnpooled(int bytes) {
        return Unpooled.directBuffer(bytes, bytes);
    }

    /** A tensor to send. */
    static ByteBuf random(int bytes) {
        byte[] content = new byte[bytes];
        new SplittableRandom(bytes).nextBytes(content);
        return ofSize(bytes).writeBytes(content);
    }

    /** The tensor that arrived in a buffer of the network, which is borrowed. */
    static ByteBuf copyOf(ByteBuf arrived) {
        return ofSize(arrived.readableBytes()).writeBytes(arrived, arrived.readerIndex(), arrived.readableBytes());
    }

    /** Does with a message what its receiver has to do at least. Borrows it. */
    static void receive(ByteBuf arrived) {
        copyOf(arrived).release();
    }
}
