package dev.hivemind.moe.server;

import dev.hivemind.moe.server.batching.BatchListener;
import dev.hivemind.moe.server.batching.BatchReport;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Tells a feed, if there is one, what happens to the experts of a server. */
final class ExpertEvents {

    private final @Nullable EventFeed feed;

    ExpertEvents(@Nullable EventFeed feed) {
        this.feed = feed;
    }

    void hosted(Collection<String> uids) {
        uids.forEach(uid -> publish(uid, ExpertEventMessage.Kind.KIND_HOSTED));
    }

    void removed(Collection<String> uids) {
        uids.forEach(uid -> publish(uid, ExpertEventMessage.Kind.KIND_REMOVED));
    }

    private void publish(String uid, ExpertEventMessage.Kind kind) {
        if (feed != null) {
            feed.publish(EventMessage.newBuilder()
                    .setExpert(ExpertEventMessage.newBuilder().setUid(uid).setKind(kind)));
        }
    }

    /** Tells of the batches of one pool. */
    BatchListener batches(String uid, Operation operation) {
        EventFeed listening = feed;
        return listening == null ? BatchListener.NONE : report -> publish(listening, uid, operation, report);
    }

    private static void publish(EventFeed feed, String uid, Operation operation, BatchReport report) {
        if (feed.isObserved()) {
            feed.publish(EventMessage.newBuilder()
                    .setBatch(BatchEventMessage.newBuilder()
                            .setUid(uid)
                            .setOperation(operation.wireId())
                            .setRows(report.rows())
                            .setCalls(report.calls())
                            .setWaitedMicros(micros(report.waited()))
                            .setComputedMicros(micros(report.computed()))));
        }
    }

    private static long micros(Duration time) {
        return TimeUnit.NANOSECONDS.toMicros(Math.max(0, time.toNanos()));
    }
}
