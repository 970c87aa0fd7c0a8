package dev.hivemind.benchmarks.wire;

import io.grpc.HasByteBuffer;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

/**
 * The best that gRPC offers: tensors without protobuf, read straight out of the network's buffers into a tensor. What is
 * sent is still copied once, because gRPC's own Netty takes no buffers of others.
 */
record ByteBufMessages(ByteBuf tensor) implements GrpcMessages<ByteBuf> {

    private static final Marshaller<ByteBuf> MARSHALLER = new TensorMarshaller();

    ByteBufMessages() {
        this(Unpooled.EMPTY_BUFFER);
    }

    @Override
    public String name() {
        return "grpcZeroCopy";
    }

    @Override
    public Marshaller<ByteBuf> marshaller() {
        return MARSHALLER;
    }

    @Override
    public ByteBuf next() {
        return tensor.retainedSlice();
    }

    @Override
    public GrpcMessages<ByteBuf> ofSize(int bytes) {
        return new ByteBufMessages(Tensors.random(bytes));
    }

    @Override
    public ByteBuf acknowledgement() {
        return Unpooled.EMPTY_BUFFER;
    }

    /** It was read into one. */
    @Override
    public void receive(ByteBuf message) {}

    @Override
    public void release(ByteBuf message) {
        message.release();
    }

    @Override
    public void close() {
        tensor.release();
    }

    private static final class TensorMarshaller implements Marshaller<ByteBuf> {

        @Override
        public InputStream stream(ByteBuf value) {
            return new TensorInputStream(value);
        }

        @Override
        public ByteBuf parse(InputStream stream) {
            try {
                int size = stream instanceof KnownLength ? stream.available() : 0;
                ByteBuf tensor = Tensors.ofSize(size);
                if (stream instanceof HasByteBuffer buffers && buffers.byteBufferSupported()) {
                    copyBuffers(stream, buffers, tensor);
                } else {
                    tensor.writeBytes(stream, size);
                }
                return tensor;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static void copyBuffers(InputStream stream, HasByteBuffer buffers, ByteBuf tensor) throws IOException {
            while (tensor.isWritable()) {
                ByteBuffer piece = buffers.getByteBuffer();
                if (piece == null) {
                    throw new IOException("The message ends early");
                }
                int size = piece.remaining();
                tensor.writeBytes(piece);
                stream.skipNBytes(size);
            }
        }
    }
}
