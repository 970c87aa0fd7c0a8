package dev.hivemind.rsocket.compression;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;
import java.util.function.IntFunction;

/** Each number as an IEEE half, little-endian. Works through pieces that stay in the processor's first cache. */
final class Float16Codec implements TensorCodec {

    private static final int PIECE = 2_048;

    private final IntFunction<HalfPrecision> conversions;

    Float16Codec() {
        this(HalfPrecision::fastest);
    }

    /** {@code conversions} makes one for each tensor, from the most numbers that it converts at a time. */
    Float16Codec(IntFunction<HalfPrecision> conversions) {
        this.conversions = conversions;
    }

    @Override
    public int wireId() {
        return 1;
    }

    @Override
    public String name() {
        return "float16";
    }

    @Override
    public boolean supports(TensorLayout layout) {
        return layout.isSingleOrDouble();
    }

    @Override
    public long encodedBytes(TensorLayout layout) {
        return (long) Short.BYTES * layout.elements();
    }

    @Override
    public void encode(TensorLayout layout, ByteBuffer source, ByteBuf target) {
        int elements = layout.elements();
        int bytes = Short.BYTES * elements;
        target.ensureWritable(bytes);
        FloatView numbers = FloatView.of(layout, source);
        ShortBuffer encoded = halves(target.nioBuffer(target.writerIndex(), bytes));
        int piece = Math.min(PIECE, elements);
        float[] floats = new float[piece];
        short[] halves = new short[piece];
        HalfPrecision conversion = conversions.apply(piece);
        for (int index = 0; index < elements; index += piece) {
            int count = Math.min(piece, elements - index);
            numbers.readToRoundAgain(index, floats, count);
            conversion.narrow(floats, halves, count);
            encoded.put(index, halves, 0, count);
        }
        target.writerIndex(target.writerIndex() + bytes);
    }

    @Override
    public void decode(TensorLayout layout, ByteBuf encoded, ByteBuffer target) {
        int elements = layout.elements();
        FloatView numbers = FloatView.of(layout, target);
        int piece = Math.min(PIECE, elements);
        byte[] bytes = new byte[Short.BYTES * piece];
        ShortBuffer bytesAsHalves = halves(ByteBuffer.wrap(bytes));
        float[] floats = new float[piece];
        short[] halves = new short[piece];
        HalfPrecision conversion = conversions.apply(piece);
        for (int index = 0; index < elements; index += piece) {
            int count = Math.min(piece, elements - index);
            encoded.getBytes(encoded.readerIndex() + Short.BYTES * index, bytes, 0, Short.BYTES * count);
            bytesAsHalves.get(0, halves, 0, count);
            conversion.widen(halves, floats, count);
            numbers.write(index, floats, count);
        }
    }

    private static ShortBuffer halves(ByteBuffer bytes) {
        return bytes.order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
    }
}
