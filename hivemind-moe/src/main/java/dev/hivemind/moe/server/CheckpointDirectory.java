package dev.hivemind.moe.server;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.training.checkpoint.CheckpointException;
import java.io.IOException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where the checkpoints of one expert are: a directory below that of its server, used by one server at a time. */
final class CheckpointDirectory implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(CheckpointDirectory.class);

    /** Less than file systems take, which is 255. */
    private static final int MAX_NAME_BYTES = 200;

    private static final String LOCK = "lock";
    private static final String CHECKPOINTS = "checkpoint-*.safetensors";

    private final Path path;
    private final FileChannel lock;

    private CheckpointDirectory(Path path, FileChannel lock) {
        this.path = path;
        this.lock = lock;
    }

    /**
     * The directory of an expert, which is made if need be and nobody else's until it is closed. Blocks for files.
     *
     * @throws CheckpointException if another server uses it, or it cannot be written
     * @throws IllegalArgumentException if the name is too long for a directory
     */
    static CheckpointDirectory lock(Path parent, ExpertUid uid) {
        Path path = parent.resolve(name(uid));
        try {
            Files.createDirectories(path);
            FileChannel lock =
                    FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (!isLocked(lock)) {
                lock.close();
                throw new CheckpointException(
                        "Another server keeps expert %s in %s. End it, or give this one a directory of its own."
                                .formatted(uid, path),
                        null);
            }
            return new CheckpointDirectory(path, lock);
        } catch (IOException e) {
            throw new CheckpointException(
                    "Expert %s cannot be kept in %s (%s: %s). Check the permissions of the directory."
                            .formatted(uid, path, e.getClass().getSimpleName(), e.getMessage()),
                    e);
        }
    }

    private static boolean isLocked(FileChannel lock) throws IOException {
        try {
            return lock.tryLock() != null;
        } catch (OverlappingFileLockException ofThisProcess) {
            return false;
        }
    }

    /** Nothing in it leads elsewhere. */
    private static String name(ExpertUid uid) {
        String name = URLEncoder.encode(uid.value(), StandardCharsets.UTF_8).replace("*", "%2A");
        if (name.length() > MAX_NAME_BYTES) {
            throw new IllegalArgumentException(
                    "The uid '%s' takes %d bytes as the name of a directory, but %d is the limit: choose a shorter one"
                            .formatted(uid, name.length(), MAX_NAME_BYTES));
        }
        return name;
    }

    /** The experts of which there are checkpoints below a directory, in the order of their names. Blocks for files. */
    static Set<ExpertUid> kept(Path parent) {
        Set<ExpertUid> found = new TreeSet<>();
        try (DirectoryStream<Path> children = Files.newDirectoryStream(parent, Files::isDirectory)) {
            for (Path child : children) {
                if (hasCheckpoint(child)) {
                    addIfUid(found, child.getFileName().toString());
                }
            }
        } catch (NoSuchFileException nothingYet) {
            return found;
        } catch (IOException e) {
            throw new CheckpointException(
                    "Directory %s cannot be read (%s: %s). Check its permissions."
                            .formatted(parent, e.getClass().getSimpleName(), e.getMessage()),
                    e);
        }
        return found;
    }

    private static boolean hasCheckpoint(Path child) throws IOException {
        try (DirectoryStream<Path> checkpoints = Files.newDirectoryStream(child, CHECKPOINTS)) {
            return checkpoints.iterator().hasNext();
        }
    }

    private static void addIfUid(Set<ExpertUid> found, String name) {
        try {
            found.add(new ExpertUid(URLDecoder.decode(name, StandardCharsets.UTF_8)));
        } catch (IllegalArgumentException somethingElse) {
            LOG.debug("'{}' is no directory of an expert", name);
        }
    }

    Path path() {
        return path;
    }

    /** Lets others use it. The file stays: whoever deleted it might delete what another has just locked. Idempotent. */
    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            LOG.warn("{} could not be closed: {}", path.resolve(LOCK), e.getMessage());
        }
    }
}
