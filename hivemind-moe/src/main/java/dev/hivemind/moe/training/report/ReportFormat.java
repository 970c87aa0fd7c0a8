package dev.hivemind.moe.training.report;

import dev.hivemind.moe.training.StepReport;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;

/** How reports stand in a file. Used by one thread. */
interface ReportFormat {

    /** Writes what a file begins with. */
    void begin(OutputStream out, Instant now) throws IOException;

    /**
     * Writes one report.
     *
     * @param missed reports before it that came too fast to be written
     */
    void write(OutputStream out, Instant time, StepReport report, long missed) throws IOException;
}
