package dev.hivemind.moe.training.report;

import dev.hivemind.moe.training.StepReport;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.StringJoiner;

/** One JSON object a line. Numbers that JSON does not know become null. */
final class JsonLinesFormat implements ReportFormat {

    @Override
    public void begin(OutputStream out, Instant now) {}

    @Override
    public void write(OutputStream out, Instant time, StepReport report, long missed) throws IOException {
        StepReport.Totals totals = report.totals();
        var object = new StringJoiner(",", "{", "}\n")
                .add("\"time\":\"%s\"".formatted(time))
                .add("\"step\":" + report.step())
                .add("\"epoch\":" + report.epoch())
                .add("\"batch\":" + report.batch())
                .add("\"rows\":" + report.rows())
                .add("\"loss\":" + number(report.loss()))
                .add("\"accuracy\":" + number(report.accuracy().orElse(Double.NaN)))
                .add("\"gradientNorm\":" + number(report.gradientNorm()))
                .add("\"learningRate\":" + number(report.learningRate()))
                .add("\"staleness\":" + report.staleness())
                .add("\"totalRows\":" + totals.rows())
                .add("\"samplesPerSecond\":" + number(totals.samplesPerSecond()))
                .add("\"calls\":" + totals.calls())
                .add("\"failedCalls\":" + totals.failedCalls())
                .add("\"expertsAnswering\":" + totals.expertsAnswering())
                .add("\"repeatedBatches\":" + totals.repeatedBatches())
                .add("\"lostBatches\":" + totals.lostBatches())
                .add("\"missed\":" + missed);
        out.write(object.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static String number(double value) {
        return Double.isFinite(value) ? Double.toString(value) : "null";
    }
}
