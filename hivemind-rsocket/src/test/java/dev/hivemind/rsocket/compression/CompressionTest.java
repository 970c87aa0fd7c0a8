package dev.hivemind.rsocket.compression;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.error.ProtocolViolationException;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CompressionTest {

    @Test
    void wireIds_areThoseOfTheProtocol() {
        assertThat(Compression.ofWireId(0)).isSameAs(Compression.NONE);
        assertThat(Compression.ofWireId(1)).isSameAs(Compression.FLOAT16);
        assertThat(Compression.ofWireId(2)).isSameAs(Compression.INT8);
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 63, 64, 255, 256, -1, Integer.MIN_VALUE})
    void ofWireId_ofAnUnknownCodec_isAProtocolViolation(int wireId) {
        assertThatThrownBy(() -> Compression.ofWireId(wireId))
                .isInstanceOf(ProtocolViolationException.class)
                .hasMessageContaining(Integer.toUnsignedString(wireId));
    }

    @Test
    void ofFeatures_leavesOutWhatIsUnknown() {
        assertThat(Compression.ofFeatures(List.of("compression:int8", "compression:zstd", "int8", "")))
                .containsExactly(Compression.INT8);
    }

    @Test
    void collect_addsForeignCodecs() {
        assertThat(Compression.collect(List.of(new Foreign(64, "zip-1")))
                        .get(64)
                        .feature())
                .isEqualTo("compression:zip-1");
    }

    @ParameterizedTest
    @CsvSource({"2, int8", "63, low", "256, high", "64, Upper", "64, ''"})
    void collect_ofAForeignCodecThatBreaksTheRules_isRefused(int wireId, String name) {
        assertThatThrownBy(() -> Compression.collect(List.of(new Foreign(wireId, name))))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("Foreign");
    }

    @Test
    void collect_ofTwoCodecsWithOneId_isRefused() {
        assertThatThrownBy(() -> Compression.collect(List.of(new Foreign(64, "a"), new Foreign(64, "b"))))
                .isInstanceOf(IllegalStateException.class);
    }

    private record Foreign(int wireId, String name) implements TensorCodec {

        @Override
        public boolean supports(TensorLayout layout) {
            return false;
        }

        @Override
        public long encodedBytes(TensorLayout layout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void encode(TensorLayout layout, ByteBuffer source, ByteBuf target) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void decode(TensorLayout layout, ByteBuf encoded, ByteBuffer target) {
            throw new UnsupportedOperationException();
        }
    }
}
