package dev.hivemind.moe.training.checkpoint;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.training.HostTensor;
import dev.hivemind.moe.training.TrainerState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest checkpoints of one trainer in a directory of its own. Each is a file that is written beside, forced to disk and
 * then renamed, so that whatever bears its name is whole, also after a crash or a power failure. All methods block for
 * files. Used by one thread at a time, and a directory by one trainer at a time.
 */
public final class CheckpointStore {

    /** The version of the files' layout that this class writes, and the only one that it reads. */
    static final String VERSION = "1";

    private static final Logger LOG = LoggerFactory.getLogger(CheckpointStore.class);

    private static final Pattern NAME = Pattern.compile("checkpoint-\\d{12}\\.safetensors");
    private static final Pattern UNFINISHED = Pattern.compile("checkpoint-\\d{12}\\.safetensors\\.unfinished");
    private static final String PARAMETERS = "parameters/";
    private static final String OPTIMIZER = "optimizer/";

    private final Path directory;
    private final int kept;
    private final UnaryOperator<WritableByteChannel> disk;

    /**
     * A store in a directory, which is made when the first checkpoint is.
     *
     * @param kept how many checkpoints to keep, at least 1; older ones are deleted
     */
    public CheckpointStore(Path directory, int kept) {
        this(directory, kept, UnaryOperator.identity());
    }

    /** @param disk stands between the store and its files */
    CheckpointStore(Path directory, int kept, UnaryOperator<WritableByteChannel> disk) {
        if (kept < 1) {
            throw new IllegalArgumentException("At least 1 checkpoint is kept, not " + kept);
        }
        this.directory = requireNonNull(directory, "directory");
        this.kept = kept;
        this.disk = disk;
    }

    /** Where the checkpoints are. */
    public Path directory() {
        return directory;
    }

    /**
     * Saves a checkpoint, in place of one of the same step, and deletes those that are not to be kept any more. When this
     * fails, all that was there is still there.
     *
     * @return its file
     * @throws CheckpointException if there is no room, or no permission
     */
    public Path save(Checkpoint checkpoint) {
        Path file = directory.resolve(
                "checkpoint-%012d.safetensors".formatted(checkpoint.state().step()));
        Path unfinished = file.resolveSibling(file.getFileName() + ".unfinished");
        try {
            Files.createDirectories(directory);
            write(encode(checkpoint), unfinished);
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            forceDirectory();
        } catch (IOException e) {
            deleteIfPossible(unfinished);
            throw new CheckpointException(
                    "No checkpoint could be saved as %s (%s). Check the room on the disk and the permissions of the directory."
                            .formatted(file, reason(e)),
                    e);
        } catch (RuntimeException | Error e) {
            deleteIfPossible(unfinished);
            throw e;
        }
        deleteSurplus(file);
        return file;
    }

    private void write(TensorFile content, Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(
                path, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            content.write(disk.apply(channel));
            channel.force(true);
        }
    }

    /** Makes the renaming last. Some systems cannot do that for directories, and do not need it. */
    private void forceDirectory() {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            LOG.debug("Directory {} cannot be forced to disk", directory, e);
        }
    }

    /** What is newer than the file just saved was left by a run that this one does not continue; it is kept. */
    private void deleteSurplus(Path saved) {
        try {
            newestFirst().stream()
                    .filter(file -> file.compareTo(saved) <= 0)
                    .skip(kept)
                    .forEach(CheckpointStore::deleteIfPossible);
            list(UNFINISHED).forEach(CheckpointStore::deleteIfPossible);
        } catch (IOException e) {
            LOG.warn("Old checkpoints in {} could not be looked for: {}", directory, reason(e));
        }
    }

    private static void deleteIfPossible(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.warn("{} could not be deleted: {}", file, reason(e));
        }
    }

    /**
     * The newest checkpoint that is whole; null if there is none at all. Those that are broken are warned of and left out.
     *
     * @throws CheckpointException if there are checkpoints, but none can be used
     */
    public @Nullable Checkpoint latest() {
        List<Path> files = files();
        for (Path file : files) {
            try {
                return load(file);
            } catch (CheckpointException e) {
                LOG.warn("{} The one before it is taken.", e.getMessage());
            }
        }
        if (!files.isEmpty()) {
            throw new CheckpointException(
                    "None of the %d checkpoints in %s can be used. Begin anew in another directory."
                            .formatted(files.size(), directory));
        }
        return null;
    }

    /**
     * Makes sure that a run can begin anew here: checkpoints of another run would be mistaken for its own when it is to go
     * on later.
     *
     * @throws CheckpointException if there are checkpoints, whole or not, or the directory cannot be read
     */
    public void requireEmpty() {
        List<Path> files = files();
        if (!files.isEmpty()) {
            throw new CheckpointException(
                    "%s holds %d checkpoints of another run, the newest of which is %s. Go on from it (--resume), or begin anew in another directory."
                            .formatted(directory, files.size(), files.get(0).getFileName()));
        }
    }

    private List<Path> files() {
        try {
            return Files.isDirectory(directory) ? newestFirst() : List.of();
        } catch (IOException e) {
            throw new CheckpointException(
                    "Directory %s cannot be read (%s). Check its permissions.".formatted(directory, reason(e)), e);
        }
    }

    private List<Path> newestFirst() throws IOException {
        return list(NAME).stream().sorted(Comparator.reverseOrder()).toList();
    }

    private List<Path> list(Pattern name) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(
                            file -> name.matcher(file.getFileName().toString()).matches())
                    .toList();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /**
     * One checkpoint.
     *
     * @throws CheckpointException if the file is no whole checkpoint of a version that is known
     */
    public static Checkpoint load(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return decode(TensorFile.read(channel, channel.size()));
        } catch (MalformedFileException e) {
            throw new CheckpointException("%s is no checkpoint: %s.".formatted(file, e.getMessage()), e);
        } catch (IOException e) {
            throw new CheckpointException("%s cannot be read (%s).".formatted(file, reason(e)), e);
        }
    }

    private static String reason(IOException error) {
        return error.getClass().getSimpleName() + ": " + error.getMessage();
    }

    private static TensorFile encode(Checkpoint checkpoint) {
        TrainerState state = checkpoint.state();
        var metadata = new LinkedHashMap<String, String>();
        metadata.put("version", VERSION);
        metadata.put("step", Integer.toString(state.step()));
        metadata.put("next_batch", Long.toString(state.nextBatch()));
        metadata.put("seed", Long.toString(state.seed()));
        metadata.put("data", checkpoint.data());
        var tensors = new LinkedHashMap<String, HostTensor>();
        state.parameters().forEach((name, tensor) -> tensors.put(PARAMETERS + name, tensor));
        state.optimizer().forEach((name, tensor) -> tensors.put(OPTIMIZER + name, tensor));
        return new TensorFile(metadata, tensors);
    }

    private static Checkpoint decode(TensorFile file) throws MalformedFileException {
        Map<String, String> metadata = file.metadata();
        String version = text(metadata, "version");
        if (!version.equals(VERSION)) {
            throw new MalformedFileException(
                    "it has version %s, but only version %s is known".formatted(version, VERSION));
        }
        long step = number(metadata, "step");
        long nextBatch = number(metadata, "next_batch");
        if (step < 0 || step > Integer.MAX_VALUE || nextBatch < 0) {
            throw new MalformedFileException("it has a negative or too large number");
        }
        return new Checkpoint(
                new TrainerState(
                        (int) step,
                        nextBatch,
                        number(metadata, "seed"),
                        beginningWith(PARAMETERS, file.tensors()),
                        beginningWith(OPTIMIZER, file.tensors())),
                text(metadata, "data"));
    }

    private static String text(Map<String, String> metadata, String name) throws MalformedFileException {
        String text = metadata.get(name);
        if (text == null) {
            throw new MalformedFileException("it has no '%s'".formatted(name));
        }
        return text;
    }

    private static long number(Map<String, String> metadata, String name) throws MalformedFileException {
        try {
            return Long.parseLong(text(metadata, name));
        } catch (NumberFormatException e) {
            throw new MalformedFileException("its '%s' is no number".formatted(name));
        }
    }

    private static Map<String, HostTensor> beginningWith(String prefix, Map<String, HostTensor> tensors) {
        var found = new LinkedHashMap<String, HostTensor>();
        tensors.forEach((name, tensor) -> {
            if (name.startsWith(prefix)) {
                found.put(name.substring(prefix.length()), tensor);
            }
        });
        return found;
    }
}
