package dev.hivemind.benchmarks.wire;

import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** A tensor that gRPC can write out in one go. Takes it over; closing gives it up. */
final class TensorInputStream extends InputStream implements KnownLength, Drainable {

    private final ByteBuf tensor;
    private boolean closed;

    TensorInputStream(ByteBuf tensor) {
        this.tensor = tensor;
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
        int size = tensor.readableBytes();
        tensor.readBytes(target, size);
        return size;
    }

    @Override
    public int read() {
        return tensor.isReadable() ? tensor.readUnsignedByte() : -1;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) {
        if (!tensor.isReadable()) {
            return -1;
        }
        int size = Math.min(length, tensor.readableBytes());
        tensor.readBytes(bytes, offset, size);
        return size;
    }

    @Override
    public int available() {
        return tensor.readableBytes();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            tensor.release();
        }
    }
}
