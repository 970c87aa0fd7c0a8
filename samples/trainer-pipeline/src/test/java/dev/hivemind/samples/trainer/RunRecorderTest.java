package dev.hivemind.samples.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.moe.training.HostTensor;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainerState;
import dev.hivemind.moe.training.checkpoint.Checkpoint;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

class RunRecorderTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    @TempDir
    private Path directory;

    private static StepReport report(int step) {
        return new StepReport(
                step,
                0,
                step - 1,
                1,
                1,
                OptionalDouble.empty(),
                0,
                0.1,
                0,
                new StepReport.Totals(step, 1, 0, 0, 0, 0, 0));
    }

    private static TrainerState state(int step) {
        return new TrainerState(step, step, 7, Map.of("weight", HostTensor.of(new float[] {1, 2}, 2)), Map.of());
    }

    @Test
    void record_aRun_leavesReportsAndTheStateToGoOnFrom() throws IOException {
        var recorder = new RunRecorder(directory.resolve("run"));

        recorder.record(Flux.range(1, 5).map(RunRecorderTest::report), Mono.defer(() -> Mono.just(state(5))), "data")
                .blockLast(TIMEOUT);

        assertThat(Files.readAllLines(directory.resolve("run/reports.jsonl"))).hasSize(5);
        assertThat(directory.resolve("run/tensorboard")).isNotEmptyDirectory();
        Checkpoint latest = new RunRecorder(directory.resolve("run")).latest();
        assertThat(latest.data()).isEqualTo("data");
        assertThat(latest.state().step()).isEqualTo(5);
    }

    @Test
    void requireFresh_whereAnotherRunWas_isRefused() {
        var recorder = new RunRecorder(directory.resolve("run"));
        recorder.requireFresh();
        recorder.record(Flux.just(report(1)), Mono.just(state(1)), "data").blockLast(TIMEOUT);

        assertThatThrownBy(new RunRecorder(directory.resolve("run"))::requireFresh)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("--resume");
    }

    @Test
    void latest_ofARunThatHasNotBegun_isNull() {
        assertThat(new RunRecorder(directory.resolve("run")).latest()).isNull();
    }
}
