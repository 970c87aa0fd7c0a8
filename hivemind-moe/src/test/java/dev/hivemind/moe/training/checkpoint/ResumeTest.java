package dev.hivemind.moe.training.checkpoint;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training that is killed without notice, and begun again. */
class ResumeTest {

    private static final int PICTURES = 50;

    @TempDir
    private Path directory;

    private void writeData() throws IOException {
        var random = new Random(3);
        byte[] pixels = new byte[PICTURES * 12];
        random.nextBytes(pixels);
        byte[] labels = new byte[PICTURES];
        for (int i = 0; i < PICTURES; i++) {
            labels[i] = (byte) random.nextInt(3);
        }
        Files.write(
                directory.resolve("pictures"),
                ByteBuffer.allocate(16 + pixels.length)
                        .putInt(0x803)
                        .putInt(PICTURES)
                        .putInt(3)
                        .putInt(4)
                        .put(pixels)
                        .array());
        Files.write(
                directory.resolve("labels"),
                ByteBuffer.allocate(8 + PICTURES)
                        .putInt(0x801)
                        .putInt(PICTURES)
                        .put(labels)
                        .array());
    }

    private Checkpoint last(String run) {
        return new CheckpointStore(directory.resolve(run), 1).latest();
    }

    @Test
    void training_killedAtAnyStepAndResumed_endsAsIfItHadNotBeen() throws IOException, InterruptedException {
        writeData();
        TrainingProcess.train(directory, directory.resolve("undisturbed"), report -> {});
        var random = new Random(20_260);

        int killedAt = 0;
        for (int run = 0; run < 2; run++) {
            int steps = 1 + random.nextInt(15);
            startAndKillAfter(steps);
            Checkpoint checkpoint = last("killed");
            int reached = checkpoint == null ? 0 : checkpoint.state().step();
            assertThat(reached).isBetween(killedAt, killedAt + steps + 1);
            killedAt = reached;
        }
        List<Integer> resumed = new ArrayList<>();
        TrainingProcess.train(directory, directory.resolve("killed"), report -> resumed.add(report.step()));

        assertThat(resumed).hasSize(TrainingProcess.STEPS - killedAt).startsWith(killedAt + 1);
        assertThat(last("killed").state().step()).isEqualTo(TrainingProcess.STEPS);
        assertThat(last("killed").data()).isEqualTo(last("undisturbed").data());
        TrainerStates.assertSame(last("killed").state(), last("undisturbed").state());
    }

    /** The process can be one step further than it has told of, and a checkpoint can be half written. */
    private void startAndKillAfter(int steps) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        TrainingProcess.class.getName(),
                        directory.toString(),
                        directory.resolve("killed").toString()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines = process.inputReader(US_ASCII);
                OutputStream permits = process.getOutputStream()) {
            int told = 0;
            while (told < steps) {
                String line = lines.readLine();
                assertThat(line).as("what the process prints").isNotNull();
                if (line.startsWith("step ")) {
                    told++;
                    permits.write('\n');
                    permits.flush();
                }
            }
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }
}
