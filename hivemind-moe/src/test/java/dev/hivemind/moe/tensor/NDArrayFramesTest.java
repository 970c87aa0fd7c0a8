package dev.hivemind.moe.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.tensor.Bfloat16;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class NDArrayFramesTest {

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    @ParameterizedTest
    @EnumSource(ElementType.class)
    void decode_ofAnEncodedArray_isTheSameArray(ElementType type) {
        NDArray array = random(type, 3, 5);

        assertRoundTrip(array);
    }

    @Test
    void decode_ofAScalar_keepsItsValue() {
        assertRoundTrip(arrays.manager().create(-7.25f));
    }

    @Test
    void decode_ofAnEmptyArray_keepsItsShape() {
        assertRoundTrip(arrays.manager().create(new Shape(0, 4)));
    }

    @Test
    void decode_ofEightDimensions_keepsThem() {
        assertRoundTrip(random(ElementType.FLOAT32, 2, 1, 3, 1, 2, 1, 1, 5));
    }

    @Test
    void encode_ofNineDimensions_isRefused() {
        NDArray array = arrays.manager().create(new Shape(1, 1, 1, 1, 1, 1, 1, 1, 1));

        assertThatThrownBy(() -> NDArrayFrames.encode(array)).isInstanceOf(ProtocolViolationException.class);
    }

    @Test
    void encode_ofAFloat32Array_isLittleEndianAndRowMajor() {
        NDArray array = arrays.manager().create(new float[] {1, 2, 3, 4}, new Shape(2, 2));

        TensorFrame frame = NDArrayFrames.encode(array);

        assertThat(frame.descriptor()).isEqualTo(TensorDescriptor.of(ElementType.FLOAT32, 2, 2));
        assertThat(frame.data().getFloatLE(8)).isEqualTo(3f);
        frame.release();
    }

    @Test
    void encode_ofATransposedArray_writesElementsInTheTransposedOrder() {
        assertRoundTrip(arrays.manager().arange(6f).reshape(2, 3).transpose());
    }

    @Test
    void encode_ofATransposedArray_leavesNoContiguousCopyBehind() {
        NDArray array = arrays.manager().arange(6f).reshape(2, 3).transpose();
        int before = arrays.count();

        NDArrayFrames.encode(array).release();

        assertThat(arrays.count()).isEqualTo(before);
    }

    @Test
    void encode_leavesTheArrayToItsManager() {
        NDArray array = arrays.manager().create(new float[] {1, 2});

        NDArrayFrames.encode(array).release();

        assertThat(array.getManager()).isSameAs(arrays.manager());
        assertThat(array.add(1).toFloatArray()).containsExactly(2f, 3f);
    }

    @Test
    void encode_inACappedManager_works() {
        NDArray array = arrays.manager().create(new float[] {1, 2});
        arrays.manager().cap();

        TensorFrame frame = NDArrayFrames.encode(array);

        assertThat(frame.data().getFloatLE(4)).isEqualTo(2f);
        frame.release();
    }

    @Test
    void encode_ofAnArrayThatRequiresGradient_copiesItsElements() {
        NDArray array = arrays.manager().create(new float[] {1, 2});
        array.setRequiresGradient(true);

        assertRoundTrip(array);
    }

    @Test
    void decode_ofACompositeBuffer_readsAcrossItsParts() {
        byte[] first = {0, 0, (byte) 0x80};
        byte[] second = {0x3f, 0, 0, 0, 0x40};
        CompositeByteBuf data = Unpooled.compositeBuffer()
                .addComponent(true, Unpooled.wrappedBuffer(first))
                .addComponent(true, Unpooled.wrappedBuffer(second));
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.FLOAT32, 2), data);

        NDArray array = NDArrayFrames.decode(arrays.manager(), frame);

        assertThat(array.toFloatArray()).containsExactly(1f, 2f);
        frame.release();
    }

    @Test
    void decode_ofASliceOfALargerBuffer_readsTheSliceAlone() {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(16);
        data.writeIntLE(1).writeIntLE(2).writeIntLE(3).writeIntLE(4);
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.INT32, 2), data.slice(4, 8));

        assertThat(NDArrayFrames.decode(arrays.manager(), frame).toIntArray()).containsExactly(2, 3);

        data.release();
    }

    @Test
    void decode_whenTheBufferIsOverwrittenLater_keepsTheElements() {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(4).writeFloatLE(5);
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.FLOAT32, 1), data);

        NDArray array = NDArrayFrames.decode(arrays.manager(), frame);
        data.setFloatLE(0, 9);
        frame.release();

        assertThat(array.toFloatArray()).containsExactly(5f);
    }

    @Test
    void decode_ofABooleanThatIsNeither_isRefusedAndLeavesNoArray() {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(2).writeByte(1).writeByte(2);
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.BOOL, 2), data);

        assertThatThrownBy(() -> NDArrayFrames.decode(arrays.manager(), frame))
                .isInstanceOf(ProtocolViolationException.class);

        assertThat(arrays.count()).isZero();
        frame.release();
    }

    @Test
    void decode_ofSeveralFrames_keepsTheirOrder() {
        NDList list = new NDList(random(ElementType.INT64, 2), random(ElementType.FLOAT32, 1, 2));
        List<TensorFrame> frames = NDArrayFrames.encode(list);

        NDList decoded = NDArrayFrames.decode(arrays.manager(), frames);

        assertThat(decoded.get(0)).isEqualTo(list.get(0));
        assertThat(decoded.get(1)).isEqualTo(list.get(1));
        frames.forEach(TensorFrame::release);
    }

    @Test
    void decodeRows_fillsTheseRowsAlone() {
        NDArray batch = arrays.manager().zeros(new Shape(4, 2));
        TensorFrame frame = NDArrayFrames.encode(arrays.manager().create(new float[] {1, 2, 3, 4}, new Shape(2, 2)));

        NDArrayFrames.decodeRows(frame, batch, 1);

        assertThat(batch.toFloatArray()).containsExactly(0, 0, 1, 2, 3, 4, 0, 0);
        frame.release();
    }

    @Test
    void decodeRows_beyondTheBatch_isRefused() {
        NDArray batch = arrays.manager().zeros(new Shape(2, 2));
        TensorFrame frame = NDArrayFrames.encode(arrays.manager().zeros(new Shape(2, 2)));

        assertThatThrownBy(() -> NDArrayFrames.decodeRows(frame, batch, 1))
                .isInstanceOf(IndexOutOfBoundsException.class);
        frame.release();
    }

    @Test
    void decodeRows_ofOtherWidth_isRefused() {
        NDArray batch = arrays.manager().zeros(new Shape(2, 4));
        TensorFrame frame = NDArrayFrames.encode(arrays.manager().zeros(new Shape(1, 2)));

        assertThatThrownBy(() -> NDArrayFrames.decodeRows(frame, batch, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("float32(1, 2)");
        frame.release();
    }

    @Test
    void encodeRows_takesTheseRowsAlone() {
        NDArray batch = arrays.manager().arange(8f).reshape(4, 2);

        TensorFrame frame = NDArrayFrames.encodeRows(batch, 1, 3);

        assertThat(NDArrayFrames.decode(arrays.manager(), frame).toFloatArray()).containsExactly(2, 3, 4, 5);
        frame.release();
    }

    @Test
    void joinRows_ofCutRows_restoresTheBatch() {
        NDArray batch = random(ElementType.FLOAT64, 6, 3, 2);
        NDArray joined = arrays.manager().create(batch.getShape(), DataType.FLOAT64);
        List<TensorFrame> parts = NDArrayFrames.cutRows(batch, cuts(1, 3, 2));

        NDArrayFrames.joinRows(parts, joined);

        assertThat(joined).isEqualTo(batch);
        parts.forEach(TensorFrame::release);
    }

    @Test
    void cutRows_beyondTheBatch_releasesWhatItCut() {
        NDArray batch = random(ElementType.FLOAT32, 2, 3);

        assertThatThrownBy(() -> NDArrayFrames.cutRows(batch, cuts(1, 2)))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"FLOAT32", "FLOAT64"})
    void joinRows_ofPartsCompressedInDifferentWays_isCloseToTheBatch(ElementType type) {
        NDArray batch = random(type, 6, 3, 20);
        NDArray joined = arrays.manager().create(batch.getShape(), batch.getDataType());
        List<TensorFrame> parts = NDArrayFrames.cutRows(
                batch,
                List.of(new Cut(1, Compression.INT8), new Cut(3, Compression.NONE), new Cut(2, Compression.FLOAT16)));

        NDArrayFrames.joinRows(parts, joined);

        assertThat(parts)
                .extracting(part -> part.descriptor().compression())
                .containsExactly(Compression.INT8, Compression.NONE, Compression.FLOAT16);
        assertThat(joined.sub(batch).abs().max().toType(DataType.FLOAT32, true).getFloat())
                .isLessThan(0.51f);
        assertThat(joined.get("1:")).isEqualTo(batch.get("1:"));
        parts.forEach(TensorFrame::release);
    }

    @Test
    void cutRows_ofSingleNumbers_doesNotCompress() {
        NDArray batch = arrays.manager().arange(40f);

        List<TensorFrame> parts = NDArrayFrames.cutRows(batch, List.of(new Cut(40, Compression.INT8)));

        assertThat(parts.get(0).descriptor().isCompressed()).isFalse();
        parts.forEach(TensorFrame::release);
    }

    @Test
    void encode_ofIntegersThatAreToBeCompressed_leavesThemAsTheyAre() {
        NDArray array = random(ElementType.INT64, 3, 30);

        TensorFrame frame = NDArrayFrames.encode(array, Compression.INT8);

        assertThat(frame.descriptor().isCompressed()).isFalse();
        assertThat(NDArrayFrames.decode(arrays.manager(), frame)).isEqualTo(array);
        frame.release();
    }

    @Test
    void decode_ofBfloat16_givesAFloat32Array() {
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(4);
        data.writeShortLE(Bfloat16.fromFloat(-0.5f)).writeShortLE(Bfloat16.fromFloat(Float.POSITIVE_INFINITY));
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.BFLOAT16, 2), data);

        NDArray array = NDArrayFrames.decode(arrays.manager(), frame);

        assertThat(array.getDataType()).isEqualTo(DataType.FLOAT32);
        assertThat(array.toFloatArray()).containsExactly(-0.5f, Float.POSITIVE_INFINITY);
        frame.release();
    }

    private static List<Cut> cuts(Integer... rows) {
        return Stream.of(rows).map(count -> new Cut(count, Compression.NONE)).toList();
    }

    private void assertRoundTrip(NDArray array) {
        TensorFrame frame = NDArrayFrames.encode(array);

        NDArray decoded = NDArrayFrames.decode(arrays.manager(), frame);

        frame.release();
        assertThat(decoded.getDataType()).isEqualTo(array.getDataType());
        assertThat(decoded.getShape()).isEqualTo(array.getShape());
        assertThat(decoded.toByteArray()).isEqualTo(array.toByteArray());
        decoded.close();
    }

    private NDArray random(ElementType type, long... shape) {
        var random = new Random(type.wireId());
        float[] values = new float[Math.toIntExact(new Shape(shape).size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = type == ElementType.BOOL ? random.nextInt(2) : random.nextInt(128);
        }
        try (NDArray floats = arrays.manager().create(values, new Shape(shape))) {
            return floats.toType(ElementTypes.toDataType(type), true);
        }
    }
}
