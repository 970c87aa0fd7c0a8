package dev.hivemind.moe.server.batching;

import java.time.Duration;
import java.util.List;

/**
 * What became of all tasks of a batch.
 *
 * @param results one for each task, in no order
 * @param pause for which they are held back
 */
record Outcome(Batch batch, List<Result> results, Duration pause) {

    void deliver() {
        results.forEach(Result::deliver);
    }
}
