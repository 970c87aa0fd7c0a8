package dev.hivemind.moe.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

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
        path.toFile().deleteOnExit();
        try (OutputStream out = Files.newOutputStream(path)) {
            writing.to(out);
        } catch (IOException | RuntimeException | Error e) {
            Files.deleteIfExists(path);
            throw e;
        }
        return new StoredBytes(name, path, 0, Files.size(path), true);
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
                Files.deleteIfExists(path);
            } catch (IOException e) {
                throw new DataException.Unreadable(path.toString(), e);
            }
        }
    }
}
