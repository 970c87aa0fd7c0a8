package dev.hivemind.moe.data;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** What a file decompresses to, refused beyond a limit: a few bytes may claim to be more than any disk holds. */
final class LimitedStream extends FilterInputStream {

    private final String file;
    private final long limit;
    private long left;

    LimitedStream(String file, InputStream in, long limit) {
        super(in);
        this.file = file;
        this.limit = limit;
        this.left = limit;
    }

    @Override
    public int read() throws IOException {
        int value = super.read();
        count(value < 0 ? 0 : 1);
        return value;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        int read = super.read(bytes, offset, length);
        count(Math.max(0, read));
        return read;
    }

    @Override
    public long skip(long length) throws IOException {
        long skipped = super.skip(length);
        count(skipped);
        return skipped;
    }

    @Override
    public boolean markSupported() {
        return false;
    }

    private void count(long bytes) {
        left -= bytes;
        if (left < 0) {
            throw new DataException.TooLarge(
                    file,
                    "%s decompresses to more than %d bytes. Raise DataFile.decompressedAtMost if it is really so large."
                            .formatted(file, limit),
                    null);
        }
    }
}
