package dev.hivemind.rsocket;

import dev.hivemind.rsocket.CallMeters.Measured;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.util.concurrent.Queues;

/** The calls of a stream that wait for a reply, and the failed replies of those whose deadline passes. Thread-safe. */
final class CallsUnderWay implements Disposable {

    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final Map<CallId, UnderWay> calls = new HashMap<>();
    private final Sinks.Many<Reply> expired;
    private final LinkActivity activity;
    private @Nullable Disposable timer;
    private @Nullable Deadline nextCheck;
    private boolean disposed;
    private boolean completing;
    private int failing;

    /** Until when a call waits, and how long it has. */
    private record UnderWay(Deadline deadline, Measured measured) {}

    /**
     * No calls yet.
     *
     * @param maxCalls whose reply was not received yet
     * @param activity of the link that carries them
     */
    CallsUnderWay(int maxCalls, LinkActivity activity) {
        this.activity = activity;
        this.expired = Sinks.many()
                .unicast()
                .onBackpressureBuffer(Queues.<Reply>get(maxCalls).get());
    }

    /** Replies to the calls that {@link #add} refused or that became late; completes with {@link #complete()}. */
    Flux<Reply> expired() {
        return expired.asFlux();
    }

    /**
     * Waits for the reply to a call, of which {@code measured} hears the end; false if its deadline has passed, or the node
     * closes.
     *
     * @throws IllegalArgumentException if a call of this id is under way
     */
    boolean add(FrameHeader call, Measured measured) {
        RpcException refusal = call.deadline().isPast() ? late() : activity.refusal();
        if (refusal != null) {
            fail(call.callId(), measured, refusal);
            return false;
        }
        enter(call.callId(), new UnderWay(call.deadline(), measured));
        return true;
    }

    private synchronized void enter(CallId call, UnderWay underWay) {
        if (disposed) {
            underWay.measured().cancelled();
            return;
        }
        if (calls.putIfAbsent(call, underWay) != null) {
            underWay.measured().cancelled();
            throw new IllegalArgumentException("Call %s is under way already".formatted(call));
        }
        activity.begin();
        if (nextCheck == null || underWay.deadline().isBefore(nextCheck)) {
            checkAt(underWay.deadline());
        }
    }

    private void checkAt(Deadline deadline) {
        if (timer != null) {
            timer.dispose();
        }
        nextCheck = deadline;
        timer = disposed
                ? null
                : Schedulers.parallel()
                        .schedule(this::expire, deadline.remaining().toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Ends the wait; null for a call that nobody waits for. */
    synchronized @Nullable Measured remove(CallId call) {
        UnderWay removed = calls.remove(call);
        if (removed == null) {
            return null;
        }
        activity.end();
        return removed.measured();
    }

    synchronized boolean isEmpty() {
        return calls.isEmpty();
    }

    private void expire() {
        Map<CallId, Measured> late = removeLate();
        late.forEach((call, measured) -> fail(call, measured, late()));
        endFailing(late.size());
    }

    private synchronized Map<CallId, Measured> removeLate() {
        var late = new HashMap<CallId, Measured>();
        calls.forEach((call, underWay) -> {
            if (underWay.deadline().isPast()) {
                late.put(call, underWay.measured());
            }
        });
        calls.keySet().removeAll(late.keySet());
        late.keySet().forEach(call -> activity.end());
        failing += late.size();
        nextCheck = null;
        calls.values().stream()
                .map(UnderWay::deadline)
                .reduce((a, b) -> a.isBefore(b) ? a : b)
                .ifPresent(this::checkAt);
        return late;
    }

    private static DeadlineExceededException late() {
        return new DeadlineExceededException("No answer within the deadline");
    }

    private void fail(CallId call, Measured measured, RpcException reason) {
        measured.failed(reason);
        expired.emitNext(Reply.failed(call, reason), Sinks.EmitFailureHandler.busyLooping(PATIENCE));
    }

    private void endFailing(int told) {
        if (isLast(told)) {
            expired.tryEmitComplete();
        }
    }

    private synchronized boolean isLast(int told) {
        failing -= told;
        return completing && failing == 0;
    }

    /** No more calls follow; those that are late at this moment are still told of. */
    void complete() {
        if (mayComplete()) {
            expired.tryEmitComplete();
        }
    }

    private synchronized boolean mayComplete() {
        completing = true;
        return failing == 0;
    }

    @Override
    public synchronized void dispose() {
        disposed = true;
        if (timer != null) {
            timer.dispose();
        }
        calls.values().forEach(underWay -> {
            underWay.measured().cancelled();
            activity.end();
        });
        calls.clear();
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }
}
