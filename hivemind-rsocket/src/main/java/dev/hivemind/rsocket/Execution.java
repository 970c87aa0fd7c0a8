package dev.hivemind.rsocket;

import io.netty.buffer.ByteBuf;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.publisher.SignalType;
import reactor.util.context.Context;

/**
 * One run of a call, and the callers that wait for it. The run does not depend on any of them: it keeps a reference to
 * the request of its own. Callers and the point of no return are guarded by the lock of the {@link ResultCache}.
 */
final class Execution extends BaseSubscriber<Reply> implements PointOfNoReturn {

    private final ResultCache cache;
    private final CallKey call;
    private final ByteBuf requestBody;
    private final MonoSink<Reply> first;
    private final Set<MonoSink<Reply>> callers = new LinkedHashSet<>();
    private boolean passed;

    /** Borrows the request and keeps a reference of its own. */
    Execution(ResultCache cache, CallKey call, Request request, MonoSink<Reply> first) {
        this.cache = cache;
        this.call = call;
        this.requestBody = request.body().retain();
        this.first = first;
        callers.add(first);
    }

    CallKey call() {
        return call;
    }

    void start(Function<PointOfNoReturn, Mono<Reply>> work) {
        Mono.defer(() -> work.apply(this))
                .switchIfEmpty(Mono.error(() -> new IllegalStateException("A handler ended without an answer")))
                .transform(Discards::released)
                .subscribe(this);
    }

    /** A caller that repeats the call while it runs. */
    void join(MonoSink<Reply> caller) {
        callers.add(caller);
    }

    /** Whether the caller was waiting, and now nobody is and nothing has changed. */
    boolean leave(MonoSink<Reply> caller) {
        return callers.remove(caller) && callers.isEmpty() && !passed;
    }

    boolean isFirst(MonoSink<Reply> caller) {
        return caller == first;
    }

    boolean isPassed() {
        return passed;
    }

    void markPassed() {
        passed = true;
    }

    /** Ends the wait of the callers. */
    List<MonoSink<Reply>> takeCallers() {
        List<MonoSink<Reply>> all = List.copyOf(callers);
        callers.clear();
        return all;
    }

    @Override
    public boolean pass() {
        return cache.pass(this);
    }

    @Override
    public Context currentContext() {
        return ResultCache.LATE_SIGNALS;
    }

    @Override
    protected void hookOnNext(Reply reply) {
        cache.succeeded(this, reply);
    }

    @Override
    protected void hookOnError(Throwable error) {
        cache.failed(this, error);
    }

    @Override
    protected void hookFinally(SignalType type) {
        requestBody.release();
    }
}
