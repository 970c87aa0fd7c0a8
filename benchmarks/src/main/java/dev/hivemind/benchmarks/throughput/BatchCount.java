package dev.hivemind.benchmarks.throughput;

import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.frame.Operation;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.Disposable;

/** Counts the batches that a server tells of, and their rows. Thread-safe. */
final class BatchCount {

    private final LongAdder forwardBatches = new LongAdder();
    private final LongAdder forwardRows = new LongAdder();
    private final LongAdder backwardBatches = new LongAdder();
    private final LongAdder backwardRows = new LongAdder();

    /** Counts from now on. */
    Disposable listenTo(EventFeed feed) {
        return feed.events()
                .filter(EventMessage::hasBatch)
                .map(EventMessage::getBatch)
                .subscribe(this::count);
    }

    private void count(BatchEventMessage batch) {
        boolean forward = batch.getOperation() == Operation.EXPERT_FORWARD.wireId();
        (forward ? forwardBatches : backwardBatches).increment();
        (forward ? forwardRows : backwardRows).add(batch.getRows());
    }

    void putTo(Figures figures) {
        figures.put("forwardBatches", forwardBatches.sum())
                .put("forwardRows", forwardRows.sum())
                .put("backwardBatches", backwardBatches.sum())
                .put("backwardRows", backwardRows.sum());
    }
}
