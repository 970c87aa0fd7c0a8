package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
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

    private final Map<CallId, Deadline> calls = new HashMap<>();
    private final Sinks.Many<Reply> expired;
    private @Nullable Disposable timer;
    private @Nullable Deadline nextCheck;
    private boolean disposed;
    private boolean completing;
    private int failing;

    /** For at most so many calls whose reply was not received yet. */
    CallsUnderWay(int maxCalls) {
        this.expired = Sinks.many()
                .unicast()
                .onBackpressureBuffer(Queues.<Reply>get(maxCalls).get());
    }

    /** Replies to the calls that {@link #add} found late or that became so; completes with {@link #complete()}. */
    Flux<Reply> expired() {
        return expired.asFlux();
    }

    /**
     * Waits for the reply to a call; false if its deadline has passed.
     *
     * @throws IllegalArgumentException if a call of this id is under way
     */
    boolean add(FrameHeader call) {
        if (call.deadline().isPast()) {
            fail(call.callId());
            return false;
        }
        enter(call.callId(), call.deadline());
        return true;
    }

    private synchronized void enter(CallId call, Deadline deadline) {
        if (calls.putIfAbsent(call, deadline) != null) {
            throw new IllegalArgumentException("Call %s is under way already".formatted(call));
        }
        if (nextCheck == null || deadline.isBefore(nextCheck)) {
            checkAt(deadline);
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

    /** Ends the wait; false for a call that nobody waits for. */
    synchronized boolean remove(CallId call) {
        return calls.remove(call) != null;
    }

    synchronized boolean isEmpty() {
        return calls.isEmpty();
    }

    private void expire() {
        List<CallId> late = removeLate();
        late.forEach(this::fail);
        endFailing(late.size());
    }

    private synchronized List<CallId> removeLate() {
        var late = new ArrayList<CallId>();
        calls.forEach((call, deadline) -> {
            if (deadline.isPast()) {
                late.add(call);
            }
        });
        late.forEach(calls::remove);
        failing += late.size();
        nextCheck = null;
        calls.values().stream().reduce((a, b) -> a.isBefore(b) ? a : b).ifPresent(this::checkAt);
        return late;
    }

    private void fail(CallId call) {
        Reply reply = Reply.failed(call, new DeadlineExceededException("No answer within the deadline"));
        expired.emitNext(reply, Sinks.EmitFailureHandler.busyLooping(PATIENCE));
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
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }
}
