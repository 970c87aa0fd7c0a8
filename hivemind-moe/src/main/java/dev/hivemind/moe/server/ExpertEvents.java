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
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import reactor.core.Disposable;
import reactor.core.Disposables;

/**
 * Tells a feed what happens to the experts of a server. While nobody observes the feed, nothing is made or counted.
 *
 * <p>A server that is overrun refuses more calls than anybody wants to hear of one by one, and they would push out all
 * other events. So refusals are told of at most once in {@link #INTERVAL} for each reason, with their number; what is
 * left over then comes with the next batch or refusal.
 */
final class ExpertEvents implements ExpertWatch {

    static final Duration INTERVAL = Duration.ofMillis(100);

    /** Names of experts in one event; a character has up to three bytes, and an event 16 KiB. */
    private static final int GREETING_CHARS = 4_000;

    private final EventFeed feed;
    private final LongSupplier clock;
    private final Disposable.Swap greeting = Disposables.swap();

    /** {@code clock} is like {@link System#nanoTime()}. */
    ExpertEvents(EventFeed feed, LongSupplier clock) {
        this.feed = feed;
        this.clock = clock;
    }

    @Override
    public void started(Map<String, HostedExpert> experts) {
        greeting.update(feed.greet(() -> hosted(experts.keySet())));
        experts.keySet().forEach(uid -> publish(uid, ExpertEventMessage.Kind.KIND_HOSTED));
    }

    /** All of them in a few events. */
    private static List<EventMessage.Builder> hosted(Collection<String> uids) {
        List<EventMessage.Builder> events = new ArrayList<>();
        ExpertEventMessage.Builder event = ExpertEventMessage.newBuilder();
        int chars = 0;
        for (String uid : uids) {
            if (chars > 0 && chars + uid.length() > GREETING_CHARS) {
                events.add(EventMessage.newBuilder().setExpert(event));
                event = ExpertEventMessage.newBuilder();
                chars = 0;
            }
            if (chars == 0) {
                event.setKind(ExpertEventMessage.Kind.KIND_HOSTED).setUid(uid);
            } else {
                event.addFurtherUids(uid);
            }
            chars += uid.length();
        }
        events.add(EventMessage.newBuilder().setExpert(event));
        return events;
    }

    @Override
    public void ended(Map<String, HostedExpert> experts) {
        greeting.dispose();
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

        private final LongAdder bytes = new LongAdder();
        private final LongAdder plainBytes = new LongAdder();

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
                            .setBytes(bytes.sumThenReset())
                            .setPlainBytes(plainBytes.sumThenReset())
                            .setWaitedMicros(micros(report.waited()))
                            .setComputedMicros(micros(report.computed()))));
            refusals.forEach((error, untold) -> tell(error, untold.takeAll()));
        }

        @Override
        public void carried(long wire, long plain) {
            bytes.add(wire);
            plainBytes.add(plain);
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
