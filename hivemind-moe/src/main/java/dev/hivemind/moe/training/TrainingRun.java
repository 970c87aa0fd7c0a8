package dev.hivemind.moe.training;

import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.training.Setup.Limits;
import dev.hivemind.moe.training.StepReport.Totals;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * One subscription to a training. Asks for a batch when it may begin at once, has several under way, and lets them end in
 * the order in which they came.
 *
 * <p>A batch may begin while fewer than {@code concurrency} are under way, if the step that it will be part of is wanted
 * downstream, and if no more than {@code maxStaleness} steps will be made of batches before it. Since batches end in order,
 * the last is known when it begins.
 *
 * <p>All fields are touched by events alone, of which one happens at a time.
 */
final class TrainingRun {

    private final Setup setup;
    private final FluxSink<StepReport> sink;
    private final int number;
    private final SerialEvents events = new SerialEvents(this::fail);
    private final Source source = new Source();
    private final Deque<Pass> underWay = new ArrayDeque<>();
    private final Disposable.Swap lastStep = Disposables.swap();
    private final Totals usageBefore;
    private final long beganNanos = System.nanoTime();

    private int asked;
    private int accumulated;
    private boolean sourceEnded;
    private @Nullable Throwable sourceError;
    private boolean failing;
    private boolean finishing;
    private boolean over;
    private long rows;
    private long repeated;
    private long lost;
    private int lostInARow;

    private TrainingRun(Setup setup, int number, FluxSink<StepReport> sink) {
        this.number = number;
        this.setup = setup;
        this.sink = sink;
        this.usageBefore = setup.model().usage();
    }

    /**
     * Cold; one at a time of a learner.
     *
     * @param number that the learner knows this run by
     */
    static Flux<StepReport> reports(Setup setup, int number, Flux<Batch> batches) {
        return Flux.create(
                sink -> new TrainingRun(setup, number, sink).start(batches), FluxSink.OverflowStrategy.ERROR);
    }

    private void start(Flux<Batch> batches) {
        sink.onDispose(() -> events.run(this::stop));
        sink.onRequest(more -> events.run(this::pump));
        batches.subscribe(source);
    }

    private void pump() {
        while (mayAsk()) {
            asked++;
            source.request(1);
        }
        if (sourceEnded && underWay.isEmpty() && !isOver() && !finishing) {
            finish();
        }
    }

    /** A cancellation counts at once, also while the event that stops everything waits for its turn. */
    private boolean isOver() {
        return over || sink.isCancelled();
    }

    private boolean mayAsk() {
        if (isOver() || failing || sourceEnded || !source.isSubscribed()) {
            return false;
        }
        Limits limits = setup.limits();
        int ahead = asked + underWay.size();
        int stepsAhead = (ahead + accumulated) / limits.accumulate();
        return ahead < limits.concurrency()
                && stepsAhead <= limits.maxStaleness()
                && stepsAhead < sink.requestedFromDownstream();
    }

    private void begin(Batch batch) {
        asked--;
        if (isOver()) {
            return;
        }
        var pass = new Pass();
        underWay.addLast(pass);
        pass.start(batch.index(), new BatchWork(setup, batch, number, () -> events.run(() -> repeated++)));
    }

    /** Lets the first of those under way go on, or takes it off if it has ended. */
    private void advance() {
        Pass first = underWay.peekFirst();
        while (first != null && !isOver() && first.failure != null) {
            giveUp(first.failure);
            first = underWay.peekFirst();
        }
        if (first != null && !isOver() && first.ready) {
            first.turn.tryEmitEmpty();
        }
        pump();
    }

    /** The failure of the first batch under way: all before it have had their part in the weights. */
    private void giveUp(Throwable failure) {
        if (!(failure instanceof LostBatchException loss)) {
            fail(
                    failure instanceof DivergedException diverged
                            ? diverged.at(setup.learner().step())
                            : failure);
            return;
        }
        underWay.removeFirst();
        lost++;
        lostInARow++;
        if (lostInARow > setup.patience().maxLostInARow()) {
            fail(new PeerUnavailableException(
                    "%d batches in a row were lost on their way back: %s".formatted(lostInARow, loss.getMessage()),
                    loss.reason()));
        }
    }

    private void accepted(Pass pass, Optional<LocalStep> step) {
        if (over) {
            return;
        }
        underWay.remove(pass);
        lostInARow = 0;
        accumulated++;
        step.ifPresent(this::report);
        advance();
    }

    private void report(LocalStep step) {
        accumulated = 0;
        rows += step.batches().rows();
        sink.next(step.report(totals()));
    }

    private Totals totals() {
        double seconds = Math.max(1e-9, (System.nanoTime() - beganNanos) / 1e9);
        Totals usage = setup.model().usage();
        return new Totals(
                rows,
                rows / seconds,
                usage.calls() - usageBefore.calls(),
                usage.failedCalls() - usageBefore.failedCalls(),
                usage.expertsAnswering(),
                repeated,
                lost);
    }

    private void failed(Pass pass, Throwable failure) {
        pass.failure = failure;
        failing |= !(failure instanceof LostBatchException);
        advance();
    }

    /** Makes a last step of what is left, once no batch is to come. */
    private void finish() {
        finishing = true;
        lastStep.update(ReactiveTape.forwardOnly(
                        setup.client(),
                        tape -> tape.local(
                                () -> Optional.ofNullable(setup.learner().finish(number))))
                .subscribe(step -> events.run(() -> finished(step)), failure -> events.run(() -> fail(failure))));
    }

    private void finished(Optional<LocalStep> step) {
        if (over) {
            return;
        }
        step.ifPresent(this::report);
        if (sourceError != null) {
            fail(sourceError);
        } else {
            stop();
            sink.complete();
        }
    }

    private void fail(Throwable failure) {
        if (!isOver()) {
            stop();
            sink.error(failure);
        }
    }

    /** A batch is accepted, fails, or something in between forgot to answer. */
    private void ended(Pass pass, long batch) {
        if (pass.failure == null && underWay.contains(pass)) {
            failed(pass, new IllegalStateException("Batch %d ended without a result".formatted(batch)));
        }
    }

    /** What is under way frees its memory, at once or when the computation under way ends. */
    private void stop() {
        over = true;
        source.dispose();
        lastStep.dispose();
        underWay.forEach(Pass::dispose);
        underWay.clear();
    }

    /** One batch under way. */
    private final class Pass {

        private final Sinks.Empty<Void> turn = Sinks.empty();
        private @Nullable Disposable subscription;
        private boolean ready;
        private @Nullable Throwable failure;

        void start(long batch, BatchWork work) {
            subscription = work.train(Mono.defer(this::turn))
                    .subscribe(
                            step -> events.run(() -> accepted(this, step)),
                            error -> events.run(() -> failed(this, error)),
                            () -> events.run(() -> ended(this, batch)));
        }

        private Mono<Void> turn() {
            events.run(() -> {
                ready = true;
                advance();
            });
            return turn.asMono();
        }

        void dispose() {
            if (subscription != null) {
                subscription.dispose();
            }
        }
    }

    /** Gives what was asked for, one by one. */
    private final class Source extends BaseSubscriber<Batch> {

        private volatile boolean subscribed;

        boolean isSubscribed() {
            return subscribed;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            subscribed = true;
            events.run(TrainingRun.this::pump);
        }

        @Override
        protected void hookOnNext(Batch batch) {
            events.run(() -> begin(batch));
        }

        @Override
        protected void hookOnComplete() {
            events.run(() -> {
                sourceEnded = true;
                pump();
            });
        }

        @Override
        protected void hookOnError(Throwable error) {
            events.run(() -> {
                sourceError = error;
                sourceEnded = true;
                pump();
            });
        }
    }
}
