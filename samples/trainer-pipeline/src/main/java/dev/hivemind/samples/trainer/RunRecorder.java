package dev.hivemind.samples.trainer;

import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.checkpoint.Checkpoint;
import dev.hivemind.moe.training.checkpoint.CheckpointListener;
import dev.hivemind.moe.training.checkpoint.CheckpointPolicy;
import dev.hivemind.moe.training.checkpoint.CheckpointStore;
import dev.hivemind.moe.training.checkpoint.Checkpointer;
import dev.hivemind.moe.training.report.ReportWriter;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What a run leaves in its directory: checkpoints, and reports as JSON lines and for TensorBoard. */
public final class RunRecorder {

    private static final CheckpointPolicy POLICY = new CheckpointPolicy(1_000, Duration.ofMinutes(1));
    private static final int KEPT_CHECKPOINTS = 3;

    private final Path directory;
    private final CheckpointStore checkpoints;

    /** A recorder of a run in a directory, which is made when there is something to keep. */
    public RunRecorder(Path directory) {
        this.directory = directory;
        this.checkpoints = new CheckpointStore(directory.resolve("checkpoints"), KEPT_CHECKPOINTS);
    }

    /** What the run is called, which is the name of its directory. */
    public String name() {
        return String.valueOf(directory.getFileName());
    }

    /** Where to go on; null for a run that has not begun. Blocks for files. */
    public @Nullable Checkpoint latest() {
        return checkpoints.latest();
    }

    /** Refuses a directory in which another run has begun. Blocks for files. */
    public void requireFresh() {
        checkpoints.requireEmpty();
    }

    /**
     * The same reports, recorded. Completes when all is written.
     *
     * @param data which the run learns from, as {@code BatchSource.identity()} has it
     * @param state of the trainer at the moment of subscription
     */
    public Flux<StepReport> record(Flux<StepReport> reports, Mono<TrainerState> state, String data) {
        Flux<StepReport> saved = Checkpointer.of(checkpoints, POLICY, data, CheckpointListener.logging())
                .saving(reports, state);
        return Flux.usingWhen(Mono.fromSupplier(this::open), files -> saved.doOnNext(files::accept), Files::close);
    }

    private Files open() {
        return new Files(
                ReportWriter.jsonLines(directory.resolve("reports.jsonl")),
                ReportWriter.tensorBoard(directory.resolve("tensorboard")));
    }

    private record Files(ReportWriter lines, ReportWriter tensorBoard) {

        void accept(StepReport report) {
            lines.accept(report);
            tensorBoard.accept(report);
        }

        Mono<Void> close() {
            return Mono.when(lines.close(), tensorBoard.close());
        }
    }
}
