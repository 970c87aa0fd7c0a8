package dev.hivemind.moe.server.batching;

import java.time.Duration;
import java.util.List;

/**
 * What became of all tasks of a batch.
 *
 * @param results one for each task that was not given up, in no order
 * @param pause for which they are held back
 */
record Outcome(Batch batch, List<Result> results, Duration pause) {

    /** Before the results are delivered. */
    BatchReport report(long startNanos, Duration computed) {
        int rows = 0;
        int failed = 0;
        long waited = 0;
        for (Result result : results) {
            rows += result.task().rows();
            failed += result.error() == null ? 0 : 1;
            waited = Math.max(waited, result.task().waitedNanos(startNanos));
        }
        return new BatchReport(rows, results.size(), failed, Duration.ofNanos(waited), computed);
    }

    void deliver() {
        results.forEach(Result::deliver);
    }
}
