package dev.hivemind.rsocket.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorDescriptorTest {

    private static TensorDescriptor int8(Long... shape) {
        return new TensorDescriptor(ElementType.FLOAT32, List.of(shape), Compression.INT8);
    }

    @Test
    void wireBytes_ofInt8_haveOneScaleForEachRow() {
        assertThat(int8(2L, 3L, 1024L).wireBytes()).isEqualTo(6 * (4 + 1024));
        assertThat(int8(2L, 3L, 1024L).sizeBytes()).isEqualTo(6 * 4 * 1024);
    }

    @Test
    void wireBytes_ofAScalar_areOneScaleAndOneByte() {
        assertThat(int8().wireBytes()).isEqualTo(5);
    }

    @Test
    void wireBytes_ofAnEmptyTensor_areNone() {
        assertThat(int8(5L, 0L).wireBytes()).isZero();
        assertThat(int8(0L, 5L).wireBytes()).isZero();
        assertThat(int8(Integer.MAX_VALUE / 4L, 0L).wireBytes()).isZero();
    }

    @Test
    void create_ofATensorWhoseScalesDoNotFit_isAProtocolViolation() {
        assertThatThrownBy(() -> int8(500_000_000L, 1L))
                .isInstanceOf(ProtocolViolationException.class)
                .hasMessageContaining("too large as int8");
    }

    @ParameterizedTest
    @EnumSource(
            value = ElementType.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"FLOAT32", "FLOAT64"})
    void create_ofACompressedTensorOfAnotherType_isAProtocolViolation(ElementType type) {
        assertThatThrownBy(() -> new TensorDescriptor(type, List.of(2L), Compression.FLOAT16))
                .isInstanceOf(ProtocolViolationException.class)
                .hasMessageContaining("uncompressed");
    }

    @Test
    void compressedBy_ofATensorThatWouldGrow_leavesItUncompressed() {
        assertThat(TensorDescriptor.of(ElementType.FLOAT32, 8, 1).compressedBy(Compression.INT8))
                .isEqualTo(TensorDescriptor.of(ElementType.FLOAT32, 8, 1));
    }

    @Test
    void compressedBy_ofIntegers_leavesThemUncompressed() {
        assertThat(TensorDescriptor.of(ElementType.INT64, 8, 8)
                        .compressedBy(Compression.INT8)
                        .isCompressed())
                .isFalse();
    }

    @Test
    void uncompressed_ofACompressedTensor_equalsThePlainOne() {
        assertThat(int8(8L, 8L).uncompressed()).isEqualTo(TensorDescriptor.of(ElementType.FLOAT32, 8, 8));
    }

    @Test
    void toString_namesTheCompression() {
        assertThat(int8(8L, 9L)).hasToString("float32(8, 9) as int8");
    }
}
