package dev.hivemind.moe.data;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.zip.ZipException;

/**
 * An IDX file whose header and length were found to be right. A compressed one was decompressed to a file of our own, no
 * further than its header says.
 *
 * @param header as it was read
 * @param values what follows it
 */
record IdxFile(IdxHeader header, StoredBytes values) implements AutoCloseable {

    /**
     * Opens a file with so many dimensions.
     *
     * @throws DataException if it is anything else
     */
    static IdxFile open(DataFile file, int dimensions) {
        try {
            Path plain = file.plainPath();
            return plain == null ? inflate(file, dimensions) : inPlace(file, plain, dimensions);
        } catch (IOException e) {
            throw new DataException.Unreadable(file.name(), e);
        }
    }

    /** The header alone; nothing is decompressed beyond it. */
    static IdxHeader header(DataFile file, int dimensions) {
        try (InputStream in = file.stream()) {
            return IdxHeader.read(file.name(), in, dimensions);
        } catch (ZipException | EOFException broken) {
            throw undecompressible(file, broken);
        } catch (IOException e) {
            throw new DataException.Unreadable(file.name(), e);
        }
    }

    private static DataException undecompressible(DataFile file, IOException broken) {
        return new DataException.Malformed(file.name(), 0, "it cannot be decompressed", IdxHeader.ADVICE, broken);
    }

    private static IdxFile inPlace(DataFile file, Path plain, int dimensions) throws IOException {
        IdxHeader header;
        try (InputStream in = file.stream()) {
            header = IdxHeader.read(file.name(), in, dimensions);
        }
        StoredBytes whole = StoredBytes.of(file.name(), plain);
        requireLength(file.name(), header, whole.length() - header.bytes());
        return new IdxFile(header, new StoredBytes(file.name(), plain, header.bytes(), header.valueBytes(), false));
    }

    private static IdxFile inflate(DataFile file, int dimensions) throws IOException {
        try (InputStream in = file.stream()) {
            IdxHeader header = IdxHeader.read(file.name(), in, dimensions);
            StoredBytes.requireRoom(file.name(), header.valueBytes());
            return new IdxFile(header, StoredBytes.spool(file.name(), out -> copyValues(file.name(), header, in, out)));
        } catch (ZipException | EOFException broken) {
            throw undecompressible(file, broken);
        }
    }

    private static void copyValues(String file, IdxHeader header, InputStream in, OutputStream out) throws IOException {
        long copied = StoredBytes.copy(in, out, header.valueBytes());
        boolean more = copied == header.valueBytes() && in.read() >= 0;
        requireLength(file, header, more ? copied + 1 : copied);
    }

    private static void requireLength(String file, IdxHeader header, long valueBytes) {
        if (valueBytes < header.valueBytes()) {
            throw IdxHeader.malformed(
                    file,
                    header.bytes() + valueBytes,
                    "it ends after %d of %d bytes of values".formatted(valueBytes, header.valueBytes()));
        } else if (valueBytes > header.valueBytes()) {
            throw IdxHeader.malformed(file, header.bytes() + header.valueBytes(), "more bytes follow the last value");
        }
    }

    /** Where an item stands in the file, header included. */
    long offsetOf(long item) {
        return header.bytes() + item * header.itemBytes();
    }

    @Override
    public void close() {
        values.close();
    }
}
