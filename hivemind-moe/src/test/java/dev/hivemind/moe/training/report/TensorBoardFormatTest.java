package dev.hivemind.moe.training.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.moe.training.StepReport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

/** Event files as a reader sees them that shares nothing with the writer. */
class TensorBoardFormatTest {

    private static final Instant TIME = Instant.ofEpochSecond(1_700_000_000, 500_000_000);

    private record Event(double wallTime, long step, String fileVersion, Map<String, Float> scalars) {}

    private static List<Event> read(byte[] file) {
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        var events = new ArrayList<Event>();
        while (bytes.hasRemaining()) {
            byte[] length = new byte[8];
            bytes.get(bytes.position(), length);
            int count = Math.toIntExact(bytes.getLong());
            assertThat(bytes.getInt()).isEqualTo(masked(crc32c(length)));
            byte[] data = new byte[count];
            bytes.get(data);
            assertThat(bytes.getInt()).isEqualTo(masked(crc32c(data)));
            events.add(event(ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN)));
        }
        return events;
    }

    /** Bit by bit, after the polynomial. */
    private static int crc32c(byte[] bytes) {
        int crc = -1;
        for (byte value : bytes) {
            crc ^= value & 0xff;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc >>> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
            }
        }
        return ~crc;
    }

    /** As TensorFlow's crc32c.h has it. */
    private static int masked(int crc) {
        return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
    }

    private static Event event(ByteBuffer data) {
        double wallTime = 0;
        long step = 0;
        String version = "";
        Map<String, Float> scalars = new LinkedHashMap<>();
        while (data.hasRemaining()) {
            int key = (int) varint(data);
            switch (key) {
                case 1 << 3 | 1 -> wallTime = data.getDouble();
                case 2 << 3 -> step = varint(data);
                case 3 << 3 | 2 -> version = text(data);
                case 5 << 3 | 2 -> summary(section(data), scalars);
                default -> throw new AssertionError("An event has no field with key " + key);
            }
        }
        return new Event(wallTime, step, version, scalars);
    }

    private static void summary(ByteBuffer data, Map<String, Float> scalars) {
        while (data.hasRemaining()) {
            assertThat(varint(data)).isEqualTo(1 << 3 | 2);
            ByteBuffer value = section(data);
            assertThat(varint(value)).isEqualTo(1 << 3 | 2);
            String tag = text(value);
            assertThat(varint(value)).isEqualTo(2 << 3 | 5);
            scalars.put(tag, value.getFloat());
            assertThat(value.hasRemaining()).isFalse();
        }
    }

    private static long varint(ByteBuffer data) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = data.get();
            value |= (long) (next & 0x7f) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    private static ByteBuffer section(ByteBuffer data) {
        int length = (int) varint(data);
        ByteBuffer section = data.slice(data.position(), length).order(ByteOrder.LITTLE_ENDIAN);
        data.position(data.position() + length);
        return section;
    }

    private static String text(ByteBuffer data) {
        return UTF_8.decode(section(data)).toString();
    }

    @Test
    void crc32c_ofTheReader_isTheStandardOne() {
        assertThat(crc32c("123456789".getBytes(UTF_8))).isEqualTo(0xE3069283);
    }

    @Test
    void write_reports_areScalarsOfTheirSteps() throws IOException {
        var format = new TensorBoardFormat();
        var file = new ByteArrayOutputStream();
        format.begin(file, TIME);
        format.write(file, TIME, StepReports.ofStep(3), 0);
        format.write(file, TIME.plusSeconds(1), StepReports.ofStep(300_000), 7);

        List<Event> events = read(file.toByteArray());

        assertThat(events).hasSize(3);
        assertThat(events.get(0)).isEqualTo(new Event(1_700_000_000.5, 0, "brain.Event:2", Map.of()));
        assertThat(events.get(1).wallTime()).isEqualTo(1_700_000_000.5);
        assertThat(events.get(1).step()).isEqualTo(3);
        assertThat(events.get(1).scalars())
                .containsEntry("train/loss", 0.5f)
                .containsEntry("train/accuracy", 0.25f)
                .containsEntry("train/gradient_norm", 3f)
                .containsEntry("train/learning_rate", 0.125f)
                .containsEntry("train/staleness", 1f)
                .containsEntry("train/epoch", 2f)
                .containsEntry("speed/samples_per_second", 640f)
                .containsEntry("experts/answering", 4f)
                .containsEntry("experts/calls", 6f)
                .containsEntry("experts/failed_calls", 1f)
                .containsEntry("experts/repeated_batches", 5f)
                .containsEntry("experts/lost_batches", 6f)
                .hasSize(12);
        assertThat(events.get(2).step()).isEqualTo(300_000);
        assertThat(events.get(2).wallTime()).isEqualTo(1_700_000_001.5);
    }

    @Test
    void write_accuracyThatWasNotMeasured_isLeftOut() throws IOException {
        var file = new ByteArrayOutputStream();
        StepReport report = new StepReport(
                1, 0, 0, 1, Double.NaN, OptionalDouble.empty(), 0, 0, 0, new StepReport.Totals(1, 0, 0, 0, 0, 0, 0));
        new TensorBoardFormat().write(file, TIME, report, 0);

        Map<String, Float> scalars = read(file.toByteArray()).get(0).scalars();

        assertThat(scalars).doesNotContainKey("train/accuracy").containsEntry("train/staleness", 0f);
        assertThat(scalars.get("train/loss")).isNaN();
    }
}
