package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.AlreadyAppliedException;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import io.netty.buffer.ByteBuf;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.util.context.Context;

/**
 * Executes calls that change state at most once, however often they are repeated.
 *
 * <p>Invariants, guarded by the lock: a call is unknown, or in {@code running}, or among the {@code ended}, never in two
 * of them. It becomes running when it is unknown and arrives. From running it is forgotten when its last caller leaves,
 * or when it fails, before the point of no return; it ends in every other case, and always after that point. No signal
 * is sent and no handler runs while the lock is held. Thread-safe.
 *
 * <pre>
 * unknown --arrives--> running --pass()--> running, past the point --result--> ended
 *    ^                    |    \------------- reply -------------------------->
 *    '-- gives up, fails -'
 * </pre>
 */
final class ResultCache implements Disposable {

    private static final Logger LOG = LoggerFactory.getLogger(ResultCache.class);

    /** How a caller that went away deals with results and errors that come too late; the keys are Reactor's. */
    static final Context LATE_SIGNALS = Context.of(
            "reactor.onNextDropped.local", (Consumer<Object>) ResultCache::releaseReply,
            "reactor.onErrorDropped.local",
                    (Consumer<Throwable>) error -> LOG.debug("Nobody waits for this error", error));

    private final long maxBytes;
    private final Map<CallKey, Execution> running = new HashMap<>();
    private final Outcomes ended;
    private boolean disposed;

    /**
     * An empty cache.
     *
     * @param maxBytes of kept replies
     * @param maxCalls that are remembered to have ended
     */
    ResultCache(long maxBytes, int maxCalls) {
        this.maxBytes = maxBytes;
        this.ended = new Outcomes(maxBytes, maxCalls);
    }

    /**
     * The result of a call: of the work if the call is new, else of its run under way or of the one that has ended.
     *
     * <p>Cold. Thread: the work's, or the subscriber's. Cancellation: leaves the call. Errors: those of the work, and
     * {@link AlreadyAppliedException} when the result is no longer kept. Ownership: borrows the request until the Mono
     * ends; the receiver owns the reply.
     */
    Mono<Reply> call(CallKey call, Request request, Function<PointOfNoReturn, Mono<Reply>> work) {
        return Mono.<Reply>create(caller -> enter(call, request, work, caller))
                .contextWrite(LATE_SIGNALS)
                .transform(Discards::released)
                .onErrorResume(NotExecuted.class, again -> call(call, request, work));
    }

    /** The reference keeps the request valid while the work begins, even if the caller leaves meanwhile. */
    private void enter(
            CallKey call, Request request, Function<PointOfNoReturn, Mono<Reply>> work, MonoSink<Reply> caller) {
        ByteBuf body = request.body().retain();
        try {
            admit(call, request, work, caller).run();
        } finally {
            body.release();
        }
    }

    /** Decides what becomes of a call; the result does it. */
    private synchronized Runnable admit(
            CallKey call, Request request, Function<PointOfNoReturn, Mono<Reply>> work, MonoSink<Reply> caller) {
        if (disposed) {
            return () -> caller.error(new PeerUnavailableException("This peer is shutting down"));
        }
        if (ended.hasEnded(call)) {
            Outcome outcome = ended.find(call);
            return outcome != null ? outcome.answerTo(caller) : () -> caller.error(resultIsGone());
        }
        Execution underWay = running.get(call);
        if (underWay != null) {
            underWay.join(caller);
            return () -> caller.onCancel(() -> leave(underWay, caller));
        }
        var fresh = new Execution(this, call, request, caller);
        running.put(call, fresh);
        return () -> {
            caller.onCancel(() -> leave(fresh, caller));
            fresh.start(work);
        };
    }

    private void leave(Execution execution, MonoSink<Reply> caller) {
        if (isAbandonedBy(caller, execution)) {
            execution.dispose();
        }
    }

    private synchronized boolean isAbandonedBy(MonoSink<Reply> caller, Execution execution) {
        return execution.leave(caller) && running.remove(execution.call(), execution);
    }

    /** Whether the run may change state: nobody can take it back from here on. */
    synchronized boolean pass(Execution execution) {
        if (running.get(execution.call()) == execution) {
            execution.markPassed();
        }
        return execution.isPassed();
    }

    /** Takes over the reply of a run, keeps it, and gives a view to every caller. */
    void succeeded(Execution execution, Reply reply) {
        Outcome outcome = Outcome.of(reply, maxBytes);
        end(execution, outcome).forEach(ResultCache::signal);
    }

    private synchronized List<Runnable> end(Execution execution, Outcome outcome) {
        if (!running.remove(execution.call(), execution)) {
            outcome.release();
            return List.of();
        }
        List<Runnable> answers =
                execution.takeCallers().stream().map(outcome::answerTo).toList();
        keep(execution, outcome);
        return answers;
    }

    private void keep(Execution execution, Outcome outcome) {
        if (disposed) {
            outcome.release();
        } else {
            ended.add(execution.call(), outcome);
        }
    }

    /** Tells every caller of an error, and keeps it if the run may have changed something. */
    void failed(Execution execution, Throwable error) {
        List<MonoSink<Reply>> callers = endWith(execution, error);
        if (callers.isEmpty() && !(error instanceof RpcException)) {
            LOG.warn("A call that nobody waits for failed in its handler", error);
        }
        callers.forEach(caller -> signal(() -> caller.error(errorFor(caller, execution, error))));
    }

    private synchronized List<MonoSink<Reply>> endWith(Execution execution, Throwable error) {
        if (!running.remove(execution.call(), execution)) {
            return List.of();
        }
        if (execution.isPassed()) {
            keep(execution, Outcome.of(error));
        }
        return execution.takeCallers();
    }

    /** A run has the deadline of its first caller. Those who joined have their own, and run the call again. */
    private static Throwable errorFor(MonoSink<Reply> caller, Execution execution, Throwable error) {
        boolean deadlineOfAnother = error instanceof DeadlineExceededException && !execution.isFirst(caller);
        return deadlineOfAnother && !execution.isPassed() ? new NotExecuted() : error;
    }

    /** A caller that cannot take its answer must not keep others from theirs. */
    private static void signal(Runnable answer) {
        try {
            answer.run();
        } catch (RuntimeException e) {
            LOG.warn("A caller failed to take its answer", e);
        }
    }

    private static AlreadyAppliedException resultIsGone() {
        return new AlreadyAppliedException("The call took effect before, and its result is no longer kept");
    }

    private static void releaseReply(Object tooLate) {
        if (tooLate instanceof Reply reply) {
            reply.release();
        }
    }

    /** Bytes that kept results take. */
    synchronized long keptBytes() {
        return ended.bytes();
    }

    /** Refuses calls, and gives up what is kept. Runs past the point of no return go on. */
    @Override
    public synchronized void dispose() {
        disposed = true;
        ended.clear();
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }

    /** The run that a caller had joined was given up before it changed anything. Never leaves this class. */
    private static final class NotExecuted extends RuntimeException {

        NotExecuted() {
            super("The call was given up before it took effect", null, false, false);
        }
    }
}
