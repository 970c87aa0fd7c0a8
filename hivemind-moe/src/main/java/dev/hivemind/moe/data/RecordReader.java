package dev.hivemind.moe.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Reads records of one length at any place of a file, through a buffer of that length. Not thread-safe. */
final class RecordReader implements AutoCloseable {

    private final StoredBytes stored;
    private final FileChannel channel;
    private final ByteBuffer buffer;
    private final byte[] bytes;

    /** @param recordBytes how long each record is */
    RecordReader(StoredBytes stored, int recordBytes) {
        this.stored = stored;
        this.buffer = ByteBuffer.allocateDirect(recordBytes);
        this.bytes = new byte[recordBytes];
        try {
            this.channel = stored.open();
        } catch (IOException e) {
            throw new DataException.Unreadable(stored.name(), e);
        }
    }

    /** The record at an offset, in an array that the next call overwrites. */
    byte[] read(long offset) {
        long at = stored.start() + offset;
        buffer.clear();
        try {
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, at + buffer.position()) < 0) {
                    throw new DataException.Malformed(
                            stored.name(),
                            at + buffer.position(),
                            "it ends here since it was opened",
                            "Leave files as they are while they are read, and begin again.");
                }
            }
        } catch (IOException e) {
            throw new DataException.Unreadable(stored.name(), e);
        }
        buffer.flip().get(bytes);
        return bytes;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new DataException.Unreadable(stored.name(), e);
        }
    }
}
