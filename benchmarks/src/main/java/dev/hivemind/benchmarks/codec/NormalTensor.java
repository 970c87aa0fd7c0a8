package dev.hivemind.benchmarks.codec;

import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.SplittableRandom;

/** 2,048 rows of 1,024 numbers from N(0, 1), and the memory that its way through a codec takes. */
final class NormalTensor implements AutoCloseable {

    private static final List<Long> SHAPE = List.of(2_048L, 1_024L);
    private static final int ELEMENTS = 2_048 * 1_024;

    /** Size of the tensor, uncompressed. */
    static final int BYTES = ELEMENTS * Float.BYTES;

    private final ByteBuffer source = allocate();
    private final ByteBuffer between = allocate();
    private final ByteBuffer target = allocate();
    private final ByteBuf encoded = ByteBufAllocator.DEFAULT.directBuffer(BYTES);

    NormalTensor() {
        var random = new SplittableRandom(42);
        for (int i = 0; i < ELEMENTS; i++) {
            source.putFloat(i * Float.BYTES, (float) random.nextGaussian());
        }
    }

    private static ByteBuffer allocate() {
        return ByteBuffer.allocateDirect(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** What no codec can beat. */
    void copyTwice() {
        between.put(0, source, 0, BYTES);
        target.put(0, between, 0, BYTES);
    }

    /** Encodes the tensor and decodes it again. */
    void roundTrip(Compression codec) {
        var descriptor = new TensorDescriptor(ElementType.FLOAT32, SHAPE, codec);
        TensorFrameCodec.encode(descriptor, source, encoded.clear());
        TensorFrameCodec.decode(descriptor, encoded, target);
    }

    /** How far numbers are from themselves after a round trip. */
    double meanSquareError(Compression codec) {
        roundTrip(codec);
        double sum = 0;
        for (int i = 0; i < BYTES; i += Float.BYTES) {
            double error = target.getFloat(i) - source.getFloat(i);
            sum += error * error;
        }
        return sum / ELEMENTS;
    }

    @Override
    public void close() {
        encoded.release();
    }
}
