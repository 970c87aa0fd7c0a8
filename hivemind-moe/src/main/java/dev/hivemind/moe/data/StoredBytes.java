package dev.hivemind.moe.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Bytes of a file that can be read in any order: from an offset in a file of the user's, or in one of our own that goes
 * when this is closed. Safe for use from any thread.
 *
 * @param name of the data, for messages
 * @param path where the bytes are
 * @param start offset of the first of them
 * @param length how many they are
 * @param temporary whether the file is our own
 */
record StoredBytes(String name, Path path, long start, long length, boolean temporary) implements AutoCloseable {

    private static final int COPY_BYTES = 1 << 16;

    /** Files of our own that are open, which go when the JVM ends; unlike with deleteOnExit, a closed one is forgotten. */
    private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(StoredBytes::deleteAll, "hivemind-data-cleanup"));
    }

    private static void deleteAll() {
        OWN.forEach(path -> path.toFile().delete());
    }

    /** Writes bytes to a file of our own. */
    @FunctionalInterface
    interface Writing {

        void to(OutputStream out) throws IOException;
    }

    /** All of a plain file. */
    static StoredBytes of(String name, Path path) throws IOException {
        return new StoredBytes(name, path, 0, Files.size(path), false);
    }

    /** A file of our own with what is written to it. */
    static StoredBytes spool(String name, Writing writing) throws IOException {
        Path path = Files.createTempFile("hivemind-data-", ".tmp");
        OWN.add(path);
        try (OutputStream out = Files.newOutputStream(path)) {
            writing.to(out);
        } catch (IOException | RuntimeException | Error e) {
            delete(path);
            throw e;
        }
        return new StoredBytes(name, path, 0, Files.size(path), true);
    }

    /** Makes sure that so many bytes fit to where files of our own are. */
    static void requireRoom(String name, long bytes) throws IOException {
        Path directory = Path.of(System.getProperty("java.io.tmpdir"));
        long room = Files.getFileStore(directory).getUsableSpace();
        if (bytes > room) {
            throw new DataException.TooLarge(
                    name,
                    "%s claims to decompress to %d bytes, but %s has room for %d. Make room, set java.io.tmpdir to a larger disk, or check the file."
                            .formatted(name, bytes, directory, room),
                    null);
        }
    }

    private static void delete(Path path) throws IOException {
        Files.deleteIfExists(path);
        OWN.remove(path);
    }

    /** Copies so many bytes, or what there is; returns how many. */
    static long copy(InputStream in, OutputStream out, long length) throws IOException {
        byte[] buffer = new byte[COPY_BYTES];
        long copied = 0;
        while (copied < length) {
            int read = in.read(buffer, 0, (int) Math.min(buffer.length, length - copied));
            if (read < 0) {
                return copied;
            }
            out.write(buffer, 0, read);
            copied += read;
        }
        return copied;
    }

    /** A channel of the caller's own. Closing it, or interrupting a thread that reads from it, harms no other reader. */
    FileChannel open() throws IOException {
        return FileChannel.open(path);
    }

    /** The bytes from the first on; owned by the caller. */
    InputStream stream() throws IOException {
        FileChannel channel = open();
        try {
            return Channels.newInputStream(channel.position(start));
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    @Override
    public void close() {
        if (temporary) {
            try {
                delete(path);
            } catch (IOException e) {
                throw new DataException.Unreadable(path.toString(), e);
            }
        }
    }
}
