package dev.hivemind.moe.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.tensor.Bfloat16;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RowFramesTest {

    private static final int WIDTH = 40;

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    static List<Compression> compressions() {
        return List.of(Compression.NONE, Compression.FLOAT16, Compression.INT8);
    }

    private NDArray random(int rows) {
        var random = new SplittableRandom(rows);
        float[] values = new float[rows * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return arrays.manager().create(values, new Shape(rows, WIDTH));
    }

    private NDArray pick(NDArray batch, int... numbers) {
        return batch.get(arrays.manager().create(numbers));
    }

    private void assertClose(NDArray actual, NDArray expected) {
        assertThat(actual.getShape()).isEqualTo(expected.getShape());
        assertThat(actual.sub(expected).abs().max().getFloat()).isLessThan(0.02f);
    }

    @ParameterizedTest
    @MethodSource("compressions")
    void gather_thenDecode_givesTheseRows(Compression compression) {
        NDArray batch = random(5);

        TensorFrame frame = RowFrames.gather(batch, new int[] {4, 0, 4}, compression);

        assertThat(frame.descriptor().compression()).isSameAs(compression);
        assertClose(NDArrayFrames.decode(arrays.manager(), frame), pick(batch, 4, 0, 4));
        frame.release();
    }

    @ParameterizedTest
    @MethodSource("compressions")
    void gather_writesWhatEncodingTheRowsWould(Compression compression) {
        NDArray batch = random(5);

        TensorFrame gathered = RowFrames.gather(batch, new int[] {1, 2, 3}, compression);
        TensorFrame encoded = NDArrayFrames.encode(pick(batch, 1, 2, 3), compression);

        assertThat(gathered).isEqualTo(encoded);
        gathered.release();
        encoded.release();
    }

    @Test
    void gather_ofSingleNumbers_doesNotCompress() {
        NDArray batch = arrays.manager().arange(20f);

        TensorFrame frame = RowFrames.gather(batch, new int[] {3, 5, 7, 9, 11, 13}, Compression.INT8);

        assertThat(frame.descriptor().isCompressed()).isFalse();
        frame.release();
    }

    @ParameterizedTest
    @MethodSource("compressions")
    void scatter_ofSingleNumbers_writesTheseAlone(Compression compression) {
        NDArray numbers = arrays.manager().arange(WIDTH * 1f);
        NDArray batch = arrays.manager().zeros(new Shape(2L * WIDTH));
        TensorFrame frame = NDArrayFrames.encode(numbers, compression);

        RowFrames.scatter(frame, batch, IntStream.range(WIDTH, 2 * WIDTH).toArray());

        assertThat(frame.descriptor().compression()).isSameAs(compression);
        assertThat(batch.get(":" + WIDTH).abs().sum().getFloat()).isZero();
        assertThat(batch.get(WIDTH + ":").sub(numbers).abs().max().getFloat()).isLessThan(0.2f);
        frame.release();
    }

    @ParameterizedTest
    @MethodSource("compressions")
    void scatterAdd_ofSingleNumbers_addsUp(Compression compression) {
        NDArray numbers = arrays.manager().arange(WIDTH * 1f);
        NDArray batch = arrays.manager().zeros(new Shape(1));
        TensorFrame frame = NDArrayFrames.encode(numbers, compression);

        RowFrames.scatterAdd(frame, batch, new int[WIDTH]);

        assertThat(batch.getFloat()).isCloseTo(numbers.sum().getFloat(), offset(5f));
        frame.release();
    }

    @Test
    void gather_beyondTheBatch_isRefusedAndReleasesItsBuffer() {
        NDArray batch = random(2);

        assertThatThrownBy(() -> RowFrames.gather(batch, new int[] {0, 2}, Compression.INT8))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @ParameterizedTest
    @MethodSource("compressions")
    void scatter_writesTheseRowsAlone(Compression compression) {
        NDArray rows = random(2);
        NDArray batch = arrays.manager().zeros(new Shape(4, WIDTH));
        TensorFrame frame = NDArrayFrames.encode(rows, compression);

        RowFrames.scatter(frame, batch, new int[] {3, 1});

        assertClose(pick(batch, 3, 1), rows);
        assertThat(pick(batch, 0, 2).abs().sum().getFloat()).isZero();
        frame.release();
    }

    @ParameterizedTest
    @MethodSource("compressions")
    void scatterAdd_toARepeatedRow_addsUp(Compression compression) {
        NDArray rows = random(2);
        NDArray batch = arrays.manager().ones(new Shape(2, WIDTH));
        TensorFrame frame = NDArrayFrames.encode(rows, compression);

        RowFrames.scatterAdd(frame, batch, new int[] {1, 1});

        assertClose(batch.get(1), rows.get(0).add(rows.get(1)).add(1));
        assertThat(batch.get(0).sum().getFloat()).isEqualTo(WIDTH);
        frame.release();
    }

    @ParameterizedTest
    @MethodSource("compressions")
    void isFinite_ofRowsWithOneNaN_isFalse(Compression compression) {
        NDArray rows = random(3);
        TensorFrame good = NDArrayFrames.encode(rows, compression);
        rows.set(new ai.djl.ndarray.index.NDIndex(2, WIDTH - 1), Float.NaN);
        TensorFrame bad = NDArrayFrames.encode(rows, compression);

        assertThat(RowFrames.isFinite(good)).isTrue();
        assertThat(RowFrames.isFinite(bad)).isFalse();
        good.release();
        bad.release();
    }

    @Test
    void scatter_ofBfloat16_writesFloats() {
        NDArray batch = arrays.manager().zeros(new Shape(2, 2));
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(4);
        data.writeShortLE(Bfloat16.fromFloat(1.5f)).writeShortLE(Bfloat16.fromFloat(-2));
        var frame = new TensorFrame(TensorDescriptor.of(ElementType.BFLOAT16, 1, 2), data);

        RowFrames.scatter(frame, batch, new int[] {1});

        assertThat(batch.toFloatArray()).containsExactly(0, 0, 1.5f, -2);
        assertThat(RowFrames.isFinite(frame)).isTrue();
        frame.release();
    }
}
