package dev.hivemind.moe.training.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.HostTensor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TensorFileTest {

    private static final String BEGINNING = "{\"__metadata__\":{\"checksum\":\"00000000\"}";

    private static byte[] write(TensorFile file) throws IOException {
        var bytes = new ByteArrayOutputStream();
        file.write(Channels.newChannel(bytes));
        return bytes.toByteArray();
    }

    private static TensorFile read(byte[] bytes) throws IOException {
        return TensorFile.read(Channels.newChannel(new ByteArrayInputStream(bytes)), bytes.length);
    }

    private static byte[] withHeader(String header, int dataBytes) {
        byte[] text = header.getBytes(UTF_8);
        return ByteBuffer.allocate(Long.BYTES + text.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .array();
    }

    @Test
    void read_ofLargeTensors_isWhatWasWritten() throws IOException {
        var random = new Random(1);
        float[] floats = new float[600_001];
        long[] longs = new long[300_001];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = random.nextFloat();
        }
        for (int i = 0; i < longs.length; i++) {
            longs[i] = random.nextLong();
        }
        var tensors = new LinkedHashMap<String, HostTensor>();
        tensors.put("floats", HostTensor.of(floats, floats.length));
        tensors.put("longs", HostTensor.of(longs, 1, longs.length));

        TensorFile read = read(write(new TensorFile(Map.of("key", "value"), tensors)));

        assertThat(read.metadata()).isEqualTo(Map.of("key", "value"));
        assertThat(read.tensors().keySet()).containsExactly("floats", "longs");
        assertThat(read.tensors().get("floats").floats()).isEqualTo(floats);
        assertThat(read.tensors().get("longs").longs()).isEqualTo(longs);
        assertThat(read.tensors().get("longs").shape()).containsExactly(1, longs.length);
    }

    /** An independent reader of the format. */
    @Test
    void write_isReadByTheTensorLibrary() throws IOException {
        var tensors = new LinkedHashMap<String, HostTensor>();
        tensors.put("weight", HostTensor.of(new float[] {1, -2, 3.5f, 4, 5, 6}, 2, 3));
        tensors.put("steps", HostTensor.of(new long[] {7, -8}, 2));
        byte[] bytes = write(new TensorFile(Map.of("version", "1"), tensors));

        try (NDManager manager = TensorOps.newManager()) {
            NDList list = NDList.decode(manager, bytes);

            assertThat(list.get("weight").toFloatArray()).containsExactly(1, -2, 3.5f, 4, 5, 6);
            assertThat(list.get("weight").getShape().getShape()).containsExactly(2, 3);
            assertThat(list.get("steps").toLongArray()).containsExactly(7, -8);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "}",
                ",",
                ",}",
                ",\"a\"}",
                ",\"a\":}",
                ",\"a\":7}",
                ",\"a\":{}}",
                ",\"__metadata__\":{}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}",
                ",\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":\"1\",\"data_offsets\":[0,4]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[[1]],\"data_offsets\":[0,4]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647],\"data_offsets\":[0,4]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[0,4294967296],\"data_offsets\":[0,0]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[999999999999999999],\"data_offsets\":[0,4]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[9999999999999999999],\"data_offsets\":[0,4]}}",
                ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                        + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                ",\"a\":{{{{{{{{{{{{{{{{",
                ",\"a\":[[[[[[[[[[[[[[[[",
                ",\"\\u12\":1}",
                ",\"\\q\":1}",
            })
    void read_hostileHeader_isMalformed(String rest) {
        byte[] bytes = withHeader(BEGINNING + rest, 8);

        assertThatThrownBy(() -> read(bytes)).isInstanceOf(MalformedFileException.class);
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 0, 1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 40, 17L << 20})
    void read_absurdHeaderLength_isMalformed(long length) {
        byte[] bytes = withHeader(BEGINNING + "}", 0);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);

        assertThatThrownBy(() -> read(bytes)).isInstanceOf(MalformedFileException.class);
    }

    @Test
    void read_tensorsBeyondTheFile_allocatesNothingForThem() {
        byte[] bytes = withHeader(
                BEGINNING + ",\"a\":{\"dtype\":\"F32\",\"shape\":[2000000000],\"data_offsets\":[0,8000000000]}}", 4);

        assertThatThrownBy(() -> read(bytes))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContaining("its tensors take 8000000000 bytes, but it has 4");
    }

    @Test
    void read_otherFilesOfTheFormat_isMalformed() {
        byte[] bytes = withHeader(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"padding\":\"padding\"}", 4);

        assertThatThrownBy(() -> read(bytes)).hasMessageContaining("it does not begin like a checkpoint");
    }
}
