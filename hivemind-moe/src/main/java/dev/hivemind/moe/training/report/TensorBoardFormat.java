package dev.hivemind.moe.training.report;

import dev.hivemind.moe.proto.TensorBoardEventMessage;
import dev.hivemind.moe.proto.TensorBoardSummaryMessage;
import dev.hivemind.moe.proto.TensorBoardValueMessage;
import dev.hivemind.moe.training.StepReport;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.zip.CRC32C;

/**
 * TensorBoard's event files: TFRecords of protobuf events. A record is the length of its data as 8 bytes, the masked CRC32C
 * of these, the data, and the masked CRC32C of the data, all little-endian.
 */
final class TensorBoardFormat implements ReportFormat {

    private static final String FILE_VERSION = "brain.Event:2";
    private static final int MASK_ROTATION = 15;
    private static final int MASK_DELTA = 0xa282ead8;
    private static final double NANOS_PER_SECOND = 1e9;

    @Override
    public void begin(OutputStream out, Instant now) throws IOException {
        writeRecord(
                out,
                TensorBoardEventMessage.newBuilder()
                        .setWallTime(seconds(now))
                        .setFileVersion(FILE_VERSION)
                        .build());
    }

    @Override
    public void write(OutputStream out, Instant time, StepReport report, long missed) throws IOException {
        writeRecord(
                out,
                TensorBoardEventMessage.newBuilder()
                        .setWallTime(seconds(time))
                        .setStep(report.step())
                        .setSummary(summary(report))
                        .build());
    }

    private static double seconds(Instant time) {
        return time.getEpochSecond() + time.getNano() / NANOS_PER_SECOND;
    }

    private static TensorBoardSummaryMessage summary(StepReport report) {
        StepReport.Totals totals = report.totals();
        var summary = TensorBoardSummaryMessage.newBuilder()
                .addValue(scalar("train/loss", report.loss()))
                .addValue(scalar("train/gradient_norm", report.gradientNorm()))
                .addValue(scalar("train/learning_rate", report.learningRate()))
                .addValue(scalar("train/staleness", report.staleness()))
                .addValue(scalar("train/epoch", report.epoch()))
                .addValue(scalar("speed/samples_per_second", totals.samplesPerSecond()))
                .addValue(scalar("experts/answering", totals.expertsAnswering()))
                .addValue(scalar("experts/calls", totals.calls()))
                .addValue(scalar("experts/failed_calls", totals.failedCalls()))
                .addValue(scalar("experts/repeated_batches", totals.repeatedBatches()))
                .addValue(scalar("experts/lost_batches", totals.lostBatches()));
        report.accuracy().ifPresent(accuracy -> summary.addValue(scalar("train/accuracy", accuracy)));
        return summary.build();
    }

    private static TensorBoardValueMessage scalar(String tag, long value) {
        return scalar(tag, (double) value);
    }

    private static TensorBoardValueMessage scalar(String tag, double value) {
        return TensorBoardValueMessage.newBuilder()
                .setTag(tag)
                .setSimpleValue((float) value)
                .build();
    }

    private static void writeRecord(OutputStream out, TensorBoardEventMessage event) throws IOException {
        byte[] data = event.toByteArray();
        ByteBuffer record = ByteBuffer.allocate(Long.BYTES + Integer.BYTES + data.length + Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(data.length);
        record.putInt(maskedChecksum(record.array(), 0, Long.BYTES));
        record.put(data);
        record.putInt(maskedChecksum(data, 0, data.length));
        out.write(record.array());
    }

    private static int maskedChecksum(byte[] bytes, int offset, int length) {
        var checksum = new CRC32C();
        checksum.update(bytes, offset, length);
        return Integer.rotateRight((int) checksum.getValue(), MASK_ROTATION) + MASK_DELTA;
    }
}
