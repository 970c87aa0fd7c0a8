package dev.hivemind.moe.server.batching;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import java.nio.ByteBuffer;

/** Memory of the network that can be read in one way alone, which is counted: into a buffer of somebody else. */
final class ReadOnceBuffer extends UnpooledDirectByteBuf {

    private long readBytes;

    ReadOnceBuffer(int bytes) {
        super(ByteBufAllocator.DEFAULT, bytes, bytes);
        writerIndex(bytes);
    }

    /** How many bytes were read, each as often as it was. */
    long readBytes() {
        return readBytes;
    }

    @Override
    public ByteBuf getBytes(int index, ByteBuffer target) {
        readBytes += target.remaining();
        return super.getBytes(index, target);
    }

    @Override
    public ByteBuf getBytes(int index, ByteBuf target, int targetIndex, int length) {
        throw new AssertionError("Copied into another buffer of the network");
    }

    @Override
    public ByteBuf getBytes(int index, byte[] target, int targetIndex, int length) {
        throw new AssertionError("Copied into an array of Java");
    }

    @Override
    public ByteBuf copy(int index, int length) {
        throw new AssertionError("Copied into another buffer of the network");
    }

    @Override
    public ByteBuffer nioBuffer(int index, int length) {
        throw new AssertionError("Lent to somebody who reads uncounted");
    }
}
