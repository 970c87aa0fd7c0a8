package dev.hivemind.moe.training.report;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Mends a file of lines whose writer was killed within the last one. */
final class TornLine {

    private static final int MAX_LINE_BYTES = 1 << 16;

    private TornLine() {}

    /** Cuts off half a line of ours at the end of a file; anything else that has no end is given one. */
    static void mend(Path file) throws IOException {
        if (!Files.exists(file)) {
            return;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            long size = channel.size();
            byte[] end = end(channel, size);
            int start = end.length;
            while (start > 0 && end[start - 1] != '\n') {
                start--;
            }
            if (start == end.length) {
                return;
            }
            boolean ours = end[start] == '{' && (start > 0 || end.length == size);
            if (ours) {
                channel.truncate(size - end.length + start);
            } else {
                channel.write(ByteBuffer.wrap(new byte[] {'\n'}), size);
            }
        }
    }

    private static byte[] end(FileChannel channel, long size) throws IOException {
        ByteBuffer end = ByteBuffer.allocate((int) Math.min(MAX_LINE_BYTES, size));
        long from = size - end.capacity();
        while (end.hasRemaining() && channel.read(end, from + end.position()) >= 0) {}
        return end.array();
    }
}
