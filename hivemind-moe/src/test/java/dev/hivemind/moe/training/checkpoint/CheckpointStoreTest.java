package dev.hivemind.moe.training.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointStoreTest {

    private static final String DATA = "10 samples, \"shuffled\"";

    @TempDir
    private Path directory;

    private CheckpointStore store() {
        return new CheckpointStore(directory.resolve("run"), 3);
    }

    private static Checkpoint checkpoint(int step) {
        return new Checkpoint(TrainerStates.ofStep(step), DATA);
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("run"))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static String name(int step) {
        return "checkpoint-%012d.safetensors".formatted(step);
    }

    private static void assertStep(Checkpoint checkpoint, int step) {
        assertThat(checkpoint.data()).isEqualTo(DATA);
        TrainerStates.assertSame(checkpoint.state(), TrainerStates.ofStep(step));
    }

    /** A disk with room for so many bytes. */
    private static WritableByteChannel full(WritableByteChannel channel, long room) {
        return new WritableByteChannel() {
            private long left = room;

            @Override
            public int write(ByteBuffer bytes) throws IOException {
                if (left < bytes.remaining()) {
                    throw new IOException("No space left on device");
                }
                left -= bytes.remaining();
                return channel.write(bytes);
            }

            @Override
            public boolean isOpen() {
                return channel.isOpen();
            }

            @Override
            public void close() throws IOException {
                channel.close();
            }
        };
    }

    @Test
    void latest_withoutAny_isNull() throws IOException {
        assertThat(store().latest()).isNull();
        Files.createDirectories(directory.resolve("run"));
        assertThat(store().latest()).isNull();
    }

    @Test
    void requireEmpty_withoutAny_passes() throws IOException {
        store().requireEmpty();
        Files.createDirectories(directory.resolve("run"));
        store().requireEmpty();
    }

    @Test
    void requireEmpty_withCheckpointsOfAnotherRun_saysWhatToDo() {
        store().save(checkpoint(2184));

        assertThatThrownBy(() -> store().requireEmpty())
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(name(2184))
                .hasMessageContaining("--resume")
                .hasMessageContaining("another directory");
    }

    @Test
    void latest_afterSaves_isTheNewestBitForBit() {
        CheckpointStore store = store();
        store.save(checkpoint(9));
        store.save(checkpoint(10));
        Path last = store.save(checkpoint(100));

        assertStep(store().latest(), 100);
        assertStep(CheckpointStore.load(last), 100);
    }

    @Test
    void save_moreThanAreKept_deletesTheOldest() throws IOException {
        CheckpointStore store = store();
        for (int step = 1; step <= 5; step++) {
            store.save(checkpoint(step));
        }
        store.save(checkpoint(5));

        assertThat(files()).containsExactly(name(3), name(4), name(5));
    }

    @Test
    void save_leavesOtherFilesAlone() throws IOException {
        Files.createDirectories(directory.resolve("run"));
        Files.writeString(directory.resolve("run").resolve("notes.txt"), "mine");
        Files.writeString(directory.resolve("run").resolve(name(1) + ".unfinished"), "left by a crash");
        CheckpointStore store = new CheckpointStore(directory.resolve("run"), 1);
        store.save(checkpoint(1));
        store.save(checkpoint(2));

        assertThat(files()).containsExactly(name(2), "notes.txt");
    }

    @Test
    void save_onAFullDisk_failsAndLeavesWhatIsThere() throws IOException {
        store().save(checkpoint(1));
        long size = Files.size(directory.resolve("run").resolve(name(1)));
        for (long room : new long[] {0, 8, 100, size / 2, size - 1}) {
            var full = new CheckpointStore(directory.resolve("run"), 3, channel -> full(channel, room));

            assertThatThrownBy(() -> full.save(checkpoint(2)))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("No space left on device")
                    .hasMessageContaining(name(2));
            assertThat(files()).containsExactly(name(1));
        }
        new CheckpointStore(directory.resolve("run"), 3, channel -> full(channel, size)).save(checkpoint(1));
        assertStep(store().latest(), 1);
    }

    @Test
    void save_whereADirectoryCannotBe_fails() throws IOException {
        Files.writeString(directory.resolve("run"), "a file");

        assertThatThrownBy(() -> store().save(checkpoint(1)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("Check the room on the disk");
    }

    @Test
    void latest_withABrokenOne_isTheOneBefore() throws IOException {
        CheckpointStore store = store();
        store.save(checkpoint(1));
        Path newest = store.save(checkpoint(2));
        byte[] whole = Files.readAllBytes(newest);
        Files.write(newest, Arrays.copyOf(whole, whole.length - 1));

        assertStep(store.latest(), 1);
    }

    @Test
    void latest_withBrokenOnesAlone_isAnError() throws IOException {
        Path only = store().save(checkpoint(1));
        Files.write(only, new byte[100]);

        assertThatThrownBy(() -> store().latest())
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("None of the 1 checkpoints");
    }

    @Test
    void load_truncatedOrChangedAnywhere_isNoCheckpoint() throws IOException {
        Path file = store().save(checkpoint(1));
        byte[] whole = Files.readAllBytes(file);
        Path broken = directory.resolve("broken");
        var random = new Random(8);
        for (int at = 0; at < whole.length; at++) {
            Files.write(broken, Arrays.copyOf(whole, at));
            assertThatThrownBy(() -> CheckpointStore.load(broken)).isInstanceOf(CheckpointException.class);
            byte[] changed = whole.clone();
            changed[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(broken, changed);
            assertThatThrownBy(() -> CheckpointStore.load(broken)).isInstanceOf(CheckpointException.class);
        }
        Files.write(broken, Arrays.copyOf(whole, whole.length + 1));
        assertThatThrownBy(() -> CheckpointStore.load(broken)).isInstanceOf(CheckpointException.class);
    }

    @Test
    void load_ofAnotherVersion_saysWhichIsKnown() throws IOException {
        Path file = directory.resolve("future");
        try (var channel = Files.newByteChannel(
                file, java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.WRITE)) {
            new TensorFile(Map.of("version", "2"), Map.of()).write(channel);
        }

        assertThatThrownBy(() -> CheckpointStore.load(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("it has version 2, but only version 1 is known");
    }

    @Test
    void requireData_thatDiffers_saysBoth() {
        assertThat(checkpoint(1).requireData(DATA)).isNotNull();
        assertThatThrownBy(() -> checkpoint(1).requireData("11 samples"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(DATA)
                .hasMessageContaining("11 samples");
    }
}
