package dev.hivemind.moe.mixture;

import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
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

    private final Function<Group, Mono<Reply>> call;
    private final Rules rules;
    private final Coverage coverage;
    private final MonoSink<Answers> sink;
    private final Scheduler scheduler = Schedulers.parallel();
    private final Disposable.Composite timers = Disposables.composite();
    private final long startedNanos = System.nanoTime();

    private final Map<Group, Call> underWay = new LinkedHashMap<>();
    private final List<Answer> answers = new ArrayList<>();
    private final List<Failure> failures = new ArrayList<>();
    private boolean lingering;
    private boolean over;

    private Gathering(List<Group> groups, Function<Group, Mono<Reply>> call, Rules rules, MonoSink<Answers> sink) {
        this.call = call;
        this.rules = rules;
        this.sink = sink;
        this.coverage = new Coverage(rules.rows, rules.needed, groups);
        groups.forEach(group -> underWay.put(group, new Call(group)));
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
    static Mono<Answers> of(List<Group> groups, Function<Group, Mono<Reply>> call, Rules rules) {
        return Mono.<Answers>create(sink -> new Gathering(groups, call, rules, sink).start())
                .doOnDiscard(Answers.class, Answers::release);
    }

    private void start() {
        sink.onDispose(this::abandon);
        timers.add(scheduler.schedule(() -> finish(false), rules.timeout.toNanos(), TimeUnit.NANOSECONDS));
        afterChange();
        for (Call each : List.copyOf(underWay.values())) {
            call.apply(each.group).subscribe(each);
        }
    }

    private long elapsed() {
        return System.nanoTime() - startedNanos;
    }

    /** Many numbers take longer to look at than the thread of a connection has time. */
    private void answered(Group group, Reply reply) {
        if (sizeBytes(reply) <= MAX_BYTES_AT_ONCE) {
            examine(group, reply);
            return;
        }
        try {
            scheduler.schedule(() -> examineOrFail(group, reply));
        } catch (RejectedExecutionException shutDown) {
            reply.release();
            throw shutDown;
        }
    }

    private static long sizeBytes(Reply reply) {
        return reply.descriptors().stream()
                .mapToLong(TensorDescriptor::sizeBytes)
                .sum();
    }

    private void examineOrFail(Group group, Reply reply) {
        try {
            examine(group, reply);
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    /** Takes the reply over. */
    private void examine(Group group, Reply reply) {
        RpcException lie = lieIn(group, reply);
        if (lie != null) {
            reply.release();
            failed(group, lie);
        } else if (isKept(group, reply)) {
            afterChange();
        } else {
            reply.release();
        }
    }

    private static @Nullable RpcException lieIn(Group group, Reply reply) {
        try {
            return reply.tensors().stream().allMatch(RowFrames::isFinite) ? null : notFinite(group);
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

    private synchronized boolean isKept(Group group, Reply reply) {
        if (over || underWay.remove(group) == null) {
            return false;
        }
        answers.add(new Answer(group, reply, elapsed()));
        coverage.answered(group);
        return true;
    }

    private void failed(Group group, RpcException error) {
        synchronized (this) {
            if (over || underWay.remove(group) == null) {
                return;
            }
            failures.add(new Failure(group, error, false, elapsed()));
            coverage.failed(group);
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
            late = List.copyOf(underWay.values());
            late.forEach(each -> failures.add(new Failure(each.group, tooLate(each.group), enough, elapsed())));
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
            cancelled = List.copyOf(underWay.values());
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
        private boolean received;

        Call(Group group) {
            this.group = group;
        }

        @Override
        protected void hookOnNext(Reply reply) {
            received = true;
            answered(group, reply);
        }

        @Override
        protected void hookOnError(Throwable error) {
            if (error instanceof RpcException failure) {
                failed(group, failure);
            } else {
                fail(error);
            }
        }

        @Override
        protected void hookOnComplete() {
            if (!received) {
                failed(group, new ProtocolViolationException("The peer ended the call without an answer"));
            }
        }
    }
}
