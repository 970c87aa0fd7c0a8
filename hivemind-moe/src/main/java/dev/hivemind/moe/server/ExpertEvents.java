package dev.hivemind.moe.server;

import dev.hivemind.moe.server.batching.BatchReport;
import dev.hivemind.moe.server.batching.PoolListener;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import dev.hivemind.rsocket.events.proto.RejectionEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Tells a feed what happens to the experts of a server. While nobody observes the feed, nothing is made or counted.
 *
 * <p>A server that is overrun refuses more calls than anybody wants to hear of one by one, and they would push out all
 * other events. So refusals are told of at most once in {@link #INTERVAL} for each reason, with their number; what is
 * left over then comes with the next batch or refusal.
 */
final class ExpertEvents implements ExpertWatch {

    static final Duration INTERVAL = Duration.ofMillis(100);

    private final EventFeed feed;
    private final LongSupplier clock;

    /** {@code clock} is like {@link System#nanoTime()}. */
    ExpertEvents(EventFeed feed, LongSupplier clock) {
        this.feed = feed;
        this.clock = clock;
    }

    @Override
    public void started(Map<String, HostedExpert> experts) {
        experts.keySet().forEach(uid -> publish(uid, ExpertEventMessage.Kind.KIND_HOSTED));
    }

    @Override
    public void ended(Map<String, HostedExpert> experts) {
        experts.keySet().forEach(uid -> publish(uid, ExpertEventMessage.Kind.KIND_REMOVED));
    }

    private void publish(String uid, ExpertEventMessage.Kind kind) {
        feed.publish(EventMessage.newBuilder()
                .setExpert(ExpertEventMessage.newBuilder().setUid(uid).setKind(kind)));
    }

    @Override
    public PoolListener pool(String uid, Operation direction) {
        return new PoolEvents(uid, direction);
    }

    private static long micros(Duration time) {
        return TimeUnit.NANOSECONDS.toMicros(Math.max(0, time.toNanos()));
    }

    private final class PoolEvents implements PoolListener {

        private final String uid;
        private final Operation operation;

        /** By the names of errors, of which there are a dozen. */
        private final Map<String, Refusals> refusals = new ConcurrentHashMap<>();

        PoolEvents(String uid, Operation operation) {
            this.uid = uid;
            this.operation = operation;
        }

        @Override
        public boolean isListening() {
            return feed.isObserved();
        }

        @Override
        public void computed(BatchReport report) {
            feed.publish(EventMessage.newBuilder()
                    .setBatch(BatchEventMessage.newBuilder()
                            .setUid(uid)
                            .setOperation(operation.wireId())
                            .setRows(report.rows())
                            .setCalls(report.calls())
                            .setFailed(report.failed())
                            .setWaitedMicros(micros(report.waited()))
                            .setComputedMicros(micros(report.computed()))));
            refusals.forEach((error, untold) -> tell(error, untold.takeAll()));
        }

        @Override
        public void refused(RpcException reason) {
            String error = ErrorCodec.nameOf(reason);
            long now = clock.getAsLong();
            tell(
                    error,
                    refusals.computeIfAbsent(error, unknown -> new Refusals(now))
                            .addOne(now));
        }

        private void tell(String error, long calls) {
            if (calls > 0) {
                feed.publish(EventMessage.newBuilder()
                        .setRejection(RejectionEventMessage.newBuilder()
                                .setUid(uid)
                                .setOperation(operation.wireId())
                                .setError(error)
                                .setCalls(calls)));
            }
        }
    }

    /** Refusals for one reason. */
    private static final class Refusals {

        private final AtomicLong untold = new AtomicLong();
        private final AtomicLong dueNanos;

        Refusals(long now) {
            this.dueNanos = new AtomicLong(now);
        }

        /** How many are to be told now. */
        long addOne(long now) {
            untold.incrementAndGet();
            long due = dueNanos.get();
            return now - due >= 0 && dueNanos.compareAndSet(due, now + INTERVAL.toNanos()) ? takeAll() : 0;
        }

        long takeAll() {
            return untold.getAndSet(0);
        }
    }
}
