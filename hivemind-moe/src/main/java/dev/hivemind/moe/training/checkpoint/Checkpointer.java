package dev.hivemind.moe.training.checkpoint;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainerState;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Makes checkpoints of a training while it goes on, as a policy says. Immutable. */
public final class Checkpointer {

    private static final Logger LOG = LoggerFactory.getLogger(Checkpointer.class);

    private final CheckpointStore store;
    private final CheckpointPolicy policy;
    private final String data;
    private final CheckpointListener listener;
    private final LongSupplier nanoClock;

    Checkpointer(
            CheckpointStore store,
            CheckpointPolicy policy,
            String data,
            CheckpointListener listener,
            LongSupplier nanoClock) {
        this.store = requireNonNull(store, "store");
        this.policy = requireNonNull(policy, "policy");
        this.data = requireNonNull(data, "data");
        this.listener = requireNonNull(listener, "listener");
        this.nanoClock = nanoClock;
    }

    /**
     * A checkpointer that writes to a store, which it alone uses from now on.
     *
     * @param data what the training learns from, see {@link Checkpoint}
     */
    public static Checkpointer of(
            CheckpointStore store, CheckpointPolicy policy, String data, CheckpointListener listener) {
        return new Checkpointer(store, policy, data, listener, System::nanoTime);
    }

    /**
     * The same reports, with checkpoints made on the way while training goes on; one that is due while another is written
     * waits for it. At the end, by success or error, comes one more, unless one of the same step was saved; then this ends. A
     * checkpoint that fails, for want of memory too, is told to the listener and ends nothing; nor does a listener that
     * throws.
     *
     * <p>Demand: that of the subscriber. Thread: that of the reports; the end may come on a thread for files, which goes with
     * the subscription. Cancellation: a checkpoint under way is given up, and what it wrote is deleted.
     *
     * @param reports of a training
     * @param state of the trainer at the moment of subscription, between two steps
     */
    public Flux<StepReport> saving(Flux<StepReport> reports, Mono<TrainerState> state) {
        requireNonNull(reports, "reports");
        requireNonNull(state, "state");
        return Flux.using(() -> new Run(state), run -> run.follow(reports), Run::dispose, false);
    }

    private static ExecutorService newThread() {
        return Executors.newSingleThreadExecutor(work -> {
            var thread = new Thread(work, "hivemind-checkpoints");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** One training. All but the writing of files is done by one signal of the reports at a time. */
    private final class Run implements Disposable {

        private final Mono<TrainerState> state;
        private final ExecutorService thread = newThread();
        private final Disposable.Swap saving = Disposables.swap();
        private Mono<Void> underWay = Mono.empty();
        private long lastNanos = nanoClock.getAsLong();
        private int steps;
        private int triedAt;
        private volatile int savedAt;
        private volatile boolean isUnderWay;
        private volatile boolean isCancelled;

        Run(Mono<TrainerState> state) {
            this.state = state;
        }

        Flux<StepReport> follow(Flux<StepReport> reports) {
            return reports.doOnNext(report -> saveIfDue())
                    .onErrorResume(error -> finish().then(Mono.error(error)))
                    .concatWith(Mono.defer(this::finish).then(Mono.empty()));
        }

        private void saveIfDue() {
            steps++;
            boolean due = steps - triedAt >= policy.everySteps()
                    || nanoClock.getAsLong() - lastNanos >= policy.every().toNanos();
            if (due && !isUnderWay) {
                isUnderWay = true;
                underWay = save().cache();
                saving.replace(underWay.subscribe());
            }
        }

        private Mono<Void> finish() {
            return underWay.then(Mono.defer(() -> savedAt == steps ? Mono.empty() : save()));
        }

        private Mono<Void> save() {
            int upTo = steps;
            triedAt = upTo;
            lastNanos = nanoClock.getAsLong();
            return state.publishOn(Schedulers.fromExecutorService(thread))
                    .doOnNext(current -> write(current, upTo))
                    .onErrorMap(error -> !(error instanceof CheckpointException), Checkpointer::unknownState)
                    .onErrorResume(CheckpointException.class, this::tell)
                    .then();
        }

        private void write(TrainerState current, int upTo) {
            Path file = saved(current);
            savedAt = upTo;
            isUnderWay = false;
            tellSafely(() -> listener.saved(file, current.step()));
        }

        /** Reactor hands no lack of memory on: it would be heard of nowhere, and the end be waited for in vain. */
        private Path saved(TrainerState current) {
            try {
                return store.save(new Checkpoint(current, data));
            } catch (CheckpointException e) {
                throw e;
            } catch (Throwable e) {
                throw new CheckpointException(
                        "No checkpoint could be saved in %s (%s).%s"
                                .formatted(
                                        store.directory(),
                                        e,
                                        e instanceof OutOfMemoryError ? " Give the JVM more memory (-Xmx)." : ""),
                        e);
            }
        }

        private Mono<TrainerState> tell(CheckpointException error) {
            return Mono.fromRunnable(() -> {
                isUnderWay = false;
                if (!isCancelled) {
                    tellSafely(() -> listener.failed(error));
                }
            });
        }

        private void tellSafely(Runnable call) {
            try {
                call.run();
            } catch (Throwable e) {
                LOG.warn("A listener to checkpoints failed. Training goes on.", e);
            }
        }

        @Override
        public void dispose() {
            isCancelled = true;
            saving.dispose();
            thread.shutdownNow();
        }
    }

    private static CheckpointException unknownState(Throwable error) {
        return new CheckpointException(
                "No checkpoint could be saved, because the trainer did not tell its state.", error);
    }
}
