package dev.hivemind.moe.training.checkpoint;

import dev.hivemind.moe.training.HostTensor;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A file in the SAFETENSORS format: 8 bytes little-endian with the length of the header, the header as JSON, and the numbers
 * of all tensors, little-endian and without gaps. The first entry of the header is a checksum over all of the file, taken
 * with zeros in its own place.
 *
 * <p>Nothing in a file that is read is trusted: what it claims is compared with its size before memory is allocated.
 *
 * @param metadata texts by name
 * @param tensors by name, in their order
 */
record TensorFile(Map<String, String> metadata, Map<String, HostTensor> tensors) {

    private static final int MAX_BUFFER_BYTES = 1 << 16;

    TensorFile {
        metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    }

    /** Writes all of the file. The channel stays the caller's. */
    void write(WritableByteChannel channel) throws IOException {
        ByteBuffer buffer = newBuffer(MAX_BUFFER_BYTES);
        String header = TensorFileHeader.format(metadata, tensors);
        var checksum = new ChecksumChannel();
        write(header, buffer, checksum);
        write(TensorFileHeader.withChecksum(header, checksum.value()), buffer, channel);
    }

    private void write(String header, ByteBuffer buffer, WritableByteChannel channel) throws IOException {
        byte[] bytes = header.getBytes(StandardCharsets.UTF_8);
        buffer.clear().putLong(bytes.length).flip();
        writeFully(channel, buffer);
        writeFully(channel, ByteBuffer.wrap(bytes));
        for (HostTensor tensor : tensors.values()) {
            Numbers numbers = Numbers.of(tensor);
            for (int from = 0; from < numbers.count(); ) {
                from += numbers.put(buffer.clear(), from);
                writeFully(channel, buffer.flip());
            }
        }
    }

    private static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /**
     * Reads all of a file. The channel stays the caller's.
     *
     * @param size how long the file is, in bytes
     * @throws MalformedFileException if it is anything but a file that was written so
     */
    static TensorFile read(ReadableByteChannel channel, long size) throws IOException {
        try {
            ByteBuffer buffer = newBuffer((int) Math.min(MAX_BUFFER_BYTES, size + Long.BYTES));
            long headerBytes =
                    readFully(channel, buffer.clear().limit(Long.BYTES)).getLong();
            byte[] bytes = new byte[TensorFileHeader.requireLength(headerBytes, size)];
            readFully(channel, ByteBuffer.wrap(bytes));
            TensorFileHeader header = TensorFileHeader.parse(bytes, size - Long.BYTES - headerBytes);
            var checksum = new CRC32C();
            checksum.update(buffer.rewind());
            checksum.update(TensorFileHeader.withoutChecksum(bytes));
            Map<String, HostTensor> tensors = readTensors(channel, header, buffer, checksum);
            if (header.checksum() != checksum.getValue()) {
                throw new MalformedFileException("its checksum is wrong");
            }
            return new TensorFile(header.metadata(), tensors);
        } catch (EOFException truncated) {
            throw new MalformedFileException("it ends too early");
        }
    }

    private static Map<String, HostTensor> readTensors(
            ReadableByteChannel channel, TensorFileHeader header, ByteBuffer buffer, CRC32C checksum)
            throws IOException {
        var tensors = new LinkedHashMap<String, HostTensor>();
        for (TensorFileHeader.Entry entry : header.entries()) {
            Numbers numbers = Numbers.zeros(entry.isFloating(), entry.count());
            for (int from = 0; from < numbers.count(); ) {
                int count = Math.min(buffer.capacity() / numbers.width(), numbers.count() - from);
                readFully(channel, buffer.clear().limit(count * numbers.width()));
                checksum.update(buffer);
                numbers.get(buffer.rewind(), from);
                from += count;
            }
            tensors.put(entry.name(), numbers.toTensor(entry.shape()));
        }
        return tensors;
    }

    private static ByteBuffer readFully(ReadableByteChannel channel, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            if (channel.read(into) < 0) {
                throw new EOFException();
            }
        }
        return into.flip();
    }

    private static ByteBuffer newBuffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Keeps nothing but the checksum of what is written to it. */
    private static final class ChecksumChannel implements WritableByteChannel {

        private final CRC32C checksum = new CRC32C();

        @Override
        public int write(ByteBuffer bytes) {
            int length = bytes.remaining();
            checksum.update(bytes);
            return length;
        }

        long value() {
            return checksum.getValue();
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }
}
