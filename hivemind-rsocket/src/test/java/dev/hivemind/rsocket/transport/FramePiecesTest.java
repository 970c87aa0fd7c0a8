package dev.hivemind.rsocket.transport;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class FramePiecesTest {

    private static final int MAX_FRAME_BYTES = 1 << 20;
    private static final int READ_BYTES = 256 << 10;
    private static final int LENGTH_BYTES = 3;

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private final EmbeddedChannel channel = new EmbeddedChannel(new FrameCutter(MAX_FRAME_BYTES, MAX_FRAME_BYTES));
    private final SplittableRandom random = new SplittableRandom(1);

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
    }

    private byte[] frame(int bytes) {
        byte[] frame = new byte[LENGTH_BYTES + bytes];
        random.nextBytes(frame);
        Unpooled.wrappedBuffer(frame).setMedium(0, bytes);
        return frame;
    }

    /** Arrives in a buffer that has this room. */
    private void read(byte[] bytes, int start, int length, int room) {
        channel.writeInbound(ByteBufAllocator.DEFAULT.buffer(room, room).writeBytes(bytes, start, length));
    }

    private void requireFrame(byte[] expected) {
        ByteBuf frame = channel.readInbound();
        try {
            assertThat(frame).isEqualTo(Unpooled.wrappedBuffer(expected));
        } finally {
            frame.release();
        }
    }

    @Test
    void frame_inLargeReads_isNotCopied() {
        byte[] sent = frame(READ_BYTES);

        read(sent, 0, READ_BYTES, READ_BYTES);
        read(sent, READ_BYTES, LENGTH_BYTES, LENGTH_BYTES);
        requireFrame(sent);
        read(sent, 0, READ_BYTES / 2, READ_BYTES / 2);
        read(sent, READ_BYTES / 2, READ_BYTES / 2 + LENGTH_BYTES, READ_BYTES);

        ByteBuf frame = channel.readInbound();
        assertThat(frame.nioBufferCount()).isEqualTo(2);
        frame.release();
    }

    @Test
    void frame_inSmallReads_isInOneBufferOfItsSize() {
        byte[] sent = frame(READ_BYTES);

        for (int start = 0; start < sent.length; start += 1_000) {
            read(sent, start, Math.min(1_000, sent.length - start), READ_BYTES);
        }

        ByteBuf frame = channel.readInbound();
        assertThat(frame.nioBufferCount()).isEqualTo(1);
        assertThat(frame.unwrap().capacity()).isLessThanOrEqualTo(4 * READ_BYTES);
        frame.release();
    }

    @Test
    void frame_withOneSmallReadAmongLargeOnes_isInOneBuffer() {
        byte[] sent = frame(4 * READ_BYTES - LENGTH_BYTES);

        read(sent, 0, READ_BYTES, READ_BYTES);
        read(sent, READ_BYTES, READ_BYTES, READ_BYTES);
        read(sent, 2 * READ_BYTES, 1, READ_BYTES);
        read(sent, 2 * READ_BYTES + 1, 2 * READ_BYTES - 1, 2 * READ_BYTES);

        ByteBuf frame = channel.readInbound();
        assertThat(frame.nioBufferCount()).isEqualTo(1);
        assertThat(frame).isEqualTo(Unpooled.wrappedBuffer(sent));
        frame.release();
    }

    @Test
    void frames_inReadsOfAnyLength_comeAsTheyWereSent() {
        byte[][] sent = new byte[40][];
        ByteBuf stream = Unpooled.buffer();
        for (int i = 0; i < sent.length; i++) {
            sent[i] = frame(random.nextInt(random.nextBoolean() ? 300 : 300_000));
            stream.writeBytes(sent[i]);
        }

        while (stream.isReadable()) {
            int length = Math.min(stream.readableBytes(), 1 + random.nextInt(random.nextInt(1, READ_BYTES)));
            ByteBuf read = ByteBufAllocator.DEFAULT.buffer(length * random.nextInt(1, 9));
            channel.writeInbound(read.writeBytes(stream, length));
        }

        for (byte[] frame : sent) {
            requireFrame(frame);
        }
        assertThat(channel.inboundMessages()).isEmpty();
    }
}
