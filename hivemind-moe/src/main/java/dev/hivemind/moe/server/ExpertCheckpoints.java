package dev.hivemind.moe.server;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.checkpoint.Checkpoint;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import dev.hivemind.moe.training.checkpoint.CheckpointStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * The state of experts in files: loaded once, saved every period on a thread of its own, and once more at the end. An expert
 * that made no step since is not saved again. A state that cannot be saved is logged, and tried again after the next period.
 */
final class ExpertCheckpoints {

    private static final Logger LOG = LoggerFactory.getLogger(ExpertCheckpoints.class);
    private static final int KEPT = 2;

    private final List<Saved> experts;
    private final Duration period;
    private final Scheduler thread = Schedulers.newSingle("hivemind-expert-checkpoints", true);
    private final Disposable.Swap saving = Disposables.swap();
    private boolean closed;

    private ExpertCheckpoints(List<Saved> experts, Duration period) {
        this.experts = List.copyOf(experts);
        this.period = period;
    }

    /**
     * Loads what there is of experts. Blocks for files.
     *
     * @throws CheckpointException if something is there that cannot be used, is of another kind of expert, or is used by
     *     another server
     * @throws IllegalArgumentException if a name is no {@link ExpertUid}, or too long for a directory
     */
    static ExpertCheckpoints load(Path directory, Duration period, Map<String, ExpertBackend> backends) {
        List<Saved> experts = new ArrayList<>();
        try {
            backends.forEach((uid, backend) -> {
                CheckpointDirectory own = CheckpointDirectory.lock(directory, new ExpertUid(uid));
                var expert = new Saved(uid, backend, own);
                experts.add(expert);
                expert.restore();
            });
            return new ExpertCheckpoints(experts, period);
        } catch (RuntimeException | Error e) {
            experts.forEach(Saved::close);
            throw e;
        }
    }

    /** Saves from now on. */
    void start() {
        saving.update(Flux.interval(period, thread).onBackpressureDrop().subscribe(tick -> saveAll()));
    }

    private synchronized void saveAll() {
        if (!closed) {
            experts.forEach(Saved::saveIfChanged);
        }
    }

    /** Saves for the last time, while the experts are still open. Blocks for files. */
    void close() {
        synchronized (this) {
            saveAll();
            closed = true;
        }
        abandon();
    }

    /** Saves no more, and lets others use the files. */
    void abandon() {
        // Not before the last checkpoint: this interrupts, and an interrupt closes files.
        saving.dispose();
        thread.dispose();
        experts.forEach(Saved::close);
    }

    /** An expert, and what is saved of it. */
    private static final class Saved {

        private final String uid;
        private final ExpertBackend backend;
        private final CheckpointDirectory directory;
        private final CheckpointStore store;
        private int savedSteps;

        Saved(String uid, ExpertBackend backend, CheckpointDirectory directory) {
            this.uid = uid;
            this.backend = backend;
            this.directory = directory;
            this.store = new CheckpointStore(directory.path(), KEPT);
        }

        void restore() {
            Checkpoint latest = store.latest();
            if (latest == null) {
                return;
            }
            TrainerState state = latest.state();
            try {
                backend.restore(state);
            } catch (IllegalArgumentException e) {
                throw new CheckpointException(
                        "The checkpoints of expert %s in %s are of another kind of expert or optimizer (%s). Host it with the same settings, or keep it in another directory."
                                .formatted(uid, store.directory(), e.getMessage()),
                        e);
            }
            LOG.info("Expert {} goes on after step {}", uid, state.step());
            savedSteps = state.step();
        }

        void saveIfChanged() {
            if (backend.steps() == savedSteps) {
                return;
            }
            try {
                TrainerState state = backend.capture();
                store.save(new Checkpoint(state, uid));
                savedSteps = state.step();
            } catch (CheckpointException | OutOfMemoryError e) {
                LOG.warn("The state of expert {} could not be saved, will try again: {}", uid, e.getMessage());
            } catch (RuntimeException e) {
                LOG.warn("The state of expert {} could not be saved, will try again", uid, e);
            }
        }

        void close() {
            directory.close();
        }
    }
}
