package dev.hivemind.moe.mixture;

import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Many calls at once, and the collection of what they answer: until all have ended, or the time is over, or every row has
 * had enough for a while. What is under way then is cancelled, at the peers too.
 *
 * <p>Replies own memory, so they pass no operator that could drop them: each call is subscribed directly. The lock guards
 * counters and lists; signals are sent outside.
 */
final class Gathering {

    /** About 50 µs. */
    private static final int MAX_BYTES_AT_ONCE = 64 << 10;

    private final Caller caller;
    private final Rules rules;
    private final Coverage coverage;
    private final MonoSink<Answers> sink;
    private final Scheduler scheduler = Schedulers.parallel();
    private final Disposable.Composite timers = Disposables.composite();
    private final long startedNanos = System.nanoTime();

    private final Set<Call> underWay = new LinkedHashSet<>();
    private final List<Answer> answers = new ArrayList<>();
    private final List<Failure> failures = new ArrayList<>();
    private boolean lingering;
    private boolean over;

    private Gathering(List<Group> groups, Caller caller, Rules rules, MonoSink<Answers> sink) {
        this.caller = caller;
        this.rules = rules;
        this.sink = sink;
        this.coverage = new Coverage(rules.rows, rules.needed, groups);
        groups.forEach(group -> underWay.add(new Call(group)));
    }

    /** Makes one call. */
    @FunctionalInterface
    interface Caller {

        /**
         * The reply, which the receiver owns.
         *
         * @param asked is told which peer is asked, of several the latest last
         */
        Mono<Reply> call(Group group, Consumer<PeerId> asked);
    }

    /**
     * When to stop.
     *
     * @param rows of the batch
     * @param needed answers that each row needs
     * @param timeout for all
     * @param afterEnough how long to wait for more than is needed; null for as long as for the rest
     */
    record Rules(
            int rows,
            int needed,
            Duration timeout,
            @Nullable Duration afterEnough) {}

    /**
     * Makes all calls, from the thread that subscribes; the receiver owns what is emitted. Errors of the calls are part of
     * it, but for those that are none of the network's.
     */
    static Mono<Answers> of(List<Group> groups, Caller caller, Rules rules) {
        return Mono.<Answers>create(sink -> new Gathering(groups, caller, rules, sink).start())
                .doOnDiscard(Answers.class, Answers::release);
    }

    private void start() {
        sink.onDispose(this::abandon);
        timers.add(scheduler.schedule(() -> finish(false), rules.timeout.toNanos(), TimeUnit.NANOSECONDS));
        afterChange();
        for (Call each : List.copyOf(underWay)) {
            caller.call(each.group, each::asked).subscribe(each);
        }
    }

    private long elapsed() {
        return System.nanoTime() - startedNanos;
    }

    /** Many numbers take longer to look at than the thread of a connection has time. */
    private void answered(Call call, Reply reply) {
        if (sizeBytes(reply) <= MAX_BYTES_AT_ONCE) {
            examine(call, reply);
            return;
        }
        try {
            scheduler.schedule(() -> examineOrFail(call, reply));
        } catch (RejectedExecutionException shutDown) {
            reply.release();
            throw shutDown;
        }
    }

    private static long sizeBytes(Reply reply) {
        long bytes = 0;
        for (TensorDescriptor tensor : reply.descriptors()) {
            bytes += tensor.sizeBytes();
        }
        return bytes;
    }

    private void examineOrFail(Call call, Reply reply) {
        try {
            examine(call, reply);
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    /** Takes the reply over. */
    private void examine(Call call, Reply reply) {
        RpcException lie = lieIn(call.group, reply);
        if (lie != null) {
            reply.release();
            failed(call, lie);
        } else if (isKept(call, reply)) {
            afterChange();
        } else {
            reply.release();
        }
    }

    private static @Nullable RpcException lieIn(Group group, Reply reply) {
        try {
            for (TensorFrame tensor : reply.tensors()) {
                if (!RowFrames.isFinite(tensor)) {
                    return notFinite(group);
                }
            }
            return null;
        } catch (RpcException malformed) {
            return malformed;
        } catch (RuntimeException | Error unreadable) {
            reply.release();
            throw unreadable;
        }
    }

    private static ExpertFailedException notFinite(Group group) {
        var failed =
                new ExpertFailedException("%s answered with numbers that are not finite".formatted(group.handle()));
        failed.initCause(new ProtocolViolationException("An answer is of finite numbers"));
        return failed;
    }

    private synchronized boolean isKept(Call call, Reply reply) {
        if (over || !underWay.remove(call)) {
            return false;
        }
        answers.add(new Answer(call.group, call.peer(), reply, elapsed()));
        coverage.answered(call.group);
        return true;
    }

    private void failed(Call call, RpcException error) {
        synchronized (this) {
            if (over || !underWay.remove(call)) {
                return;
            }
            failures.add(call.failure(error, false));
            coverage.failed(call.group);
        }
        afterChange();
    }

    private void afterChange() {
        boolean linger;
        synchronized (this) {
            if (over) {
                return;
            }
            if (underWay.isEmpty()) {
                linger = false;
            } else if (rules.afterEnough != null && !lingering && coverage.isSettled()) {
                lingering = true;
                linger = true;
            } else {
                return;
            }
        }
        if (linger) {
            linger();
        } else {
            finish(false);
        }
    }

    private void linger() {
        Duration longer = rules.afterEnough;
        if (longer != null) {
            timers.add(scheduler.schedule(() -> finish(true), longer.toNanos(), TimeUnit.NANOSECONDS));
        }
    }

    /** @param enough whether the rest is not needed, rather than late */
    private void finish(boolean enough) {
        List<Call> late;
        Answers result;
        synchronized (this) {
            if (over) {
                return;
            }
            over = true;
            late = List.copyOf(underWay);
            late.forEach(each -> failures.add(each.failure(tooLate(each.group), enough)));
            result = new Answers(answers, failures);
            answers.clear();
        }
        stop(late);
        sink.success(result);
    }

    private static DeadlineExceededException tooLate(Group group) {
        return new DeadlineExceededException("%s did not answer in time".formatted(group.handle()));
    }

    private void fail(Throwable error) {
        if (end()) {
            sink.error(error);
        }
    }

    /** Without effect once there is a result, which belongs to others then. */
    private void abandon() {
        end();
        timers.dispose();
    }

    private boolean end() {
        List<Call> cancelled;
        List<Answer> unused;
        synchronized (this) {
            if (over) {
                return false;
            }
            over = true;
            cancelled = List.copyOf(underWay);
            unused = List.copyOf(answers);
            answers.clear();
        }
        stop(cancelled);
        unused.forEach(answer -> answer.reply().release());
        return true;
    }

    private void stop(List<Call> calls) {
        timers.dispose();
        calls.forEach(Call::cancel);
    }

    /** Takes every reply, even one that comes after it was cancelled. */
    private final class Call extends BaseSubscriber<Reply> {

        private final Group group;
        private volatile @Nullable Asked asked;
        private boolean received;

        Call(Group group) {
            this.group = group;
        }

        void asked(PeerId peer) {
            Asked before = asked;
            if (before == null || !before.peer.equals(peer)) {
                asked = new Asked(peer, elapsed());
            }
        }

        /** Who is called, or would be if the call had got so far. */
        PeerId peer() {
            Asked latest = asked;
            return latest == null ? group.handle().owner() : latest.peer;
        }

        Failure failure(RpcException error, boolean dispensable) {
            Asked latest = asked;
            long now = elapsed();
            return latest == null
                    ? new Failure(group, group.handle().owner(), error, dispensable, now, Failure.NOBODY_ASKED)
                    : new Failure(group, latest.peer, error, dispensable, now, Math.max(0, now - latest.nanos));
        }

        @Override
        protected void hookOnNext(Reply reply) {
            received = true;
            answered(this, reply);
        }

        @Override
        protected void hookOnError(Throwable error) {
            if (error instanceof RpcException failure) {
                failed(this, failure);
            } else {
                fail(error);
            }
        }

        @Override
        protected void hookOnComplete() {
            if (!received) {
                failed(this, new ProtocolViolationException("The peer ended the call without an answer"));
            }
        }
    }

    /**
     * The owner that was asked last.
     *
     * @param nanos from the start to the first time it was
     */
    private record Asked(PeerId peer, long nanos) {}
}
