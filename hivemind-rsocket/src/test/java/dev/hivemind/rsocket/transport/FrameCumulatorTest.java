package dev.hivemind.rsocket.transport;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class FrameCumulatorTest {

    private static final ByteBufAllocator ALLOC = ByteBufAllocator.DEFAULT;
    private static final int RECEIVE_BUFFER_BYTES = 65_536;

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    @Test
    void parts_ofAnySize_areKeptInOrder() {
        var random = new SplittableRandom(3);
        ByteBuf expected = Unpooled.buffer();
        ByteBuf gathered = Unpooled.EMPTY_BUFFER;
        for (int i = 0; i < 2_000; i++) {
            byte[] part = new byte[random.nextInt(3) == 0 ? random.nextInt(20_000) : random.nextInt(8)];
            random.nextBytes(part);
            expected.writeBytes(part);
            gathered = cumulate(gathered, part);
            int read = random.nextInt(1 + gathered.readableBytes() / 2);
            assertThat(gathered.readSlice(read)).isEqualTo(expected.readSlice(read));
        }

        assertThat(gathered).isEqualTo(expected);
        gathered.release();
    }

    @Test
    void parts_thatFillTheirBuffers_areNotCopied() {
        ByteBuf gathered = Unpooled.EMPTY_BUFFER;
        for (int i = 0; i < 4; i++) {
            gathered = cumulate(gathered, new byte[RECEIVE_BUFFER_BYTES]);
        }

        assertThat(((CompositeByteBuf) gathered).numComponents()).isEqualTo(4);
        gathered.release();
    }

    @Test
    void parts_ofSingleBytes_holdLittleMemory() {
        ByteBuf gathered = Unpooled.EMPTY_BUFFER;
        for (int i = 0; i < 10_000; i++) {
            gathered = cumulate(gathered, new byte[1]);
            assertThat(heldBytes(gathered)).isLessThan(RECEIVE_BUFFER_BYTES + 8L * gathered.readableBytes());
        }
        gathered.release();
    }

    /** An attack on what is kept of large buffers: fill one, send a byte, and again. */
    @Test
    void parts_largeAndSmallInTurn_holdLittleMemory() {
        ByteBuf gathered = Unpooled.EMPTY_BUFFER;
        for (int i = 0; i < 400; i++) {
            gathered = cumulate(gathered, new byte[i % 2 == 0 ? 4_000 : 1]);
        }

        assertThat(((CompositeByteBuf) gathered).numComponents()).isLessThan(64 + 200);
        assertThat(heldBytes(gathered)).isLessThan(RECEIVE_BUFFER_BYTES + 8L * gathered.readableBytes());
        gathered.release();
    }

    private static long heldBytes(ByteBuf gathered) {
        if (!(gathered instanceof CompositeByteBuf parts)) {
            return gathered.capacity();
        }
        long held = 0;
        for (int i = 0; i < parts.numComponents(); i++) {
            ByteBuf part = parts.internalComponent(i);
            held += (part.unwrap() != null ? part.unwrap() : part).capacity();
        }
        return held;
    }

    /** As a socket hands it over, in a buffer that was allocated before its length was known. */
    private static ByteBuf cumulate(ByteBuf gathered, byte[] part) {
        ByteBuf received = ALLOC.directBuffer(RECEIVE_BUFFER_BYTES).writeBytes(part);
        return FrameCumulator.INSTANCE.cumulate(ALLOC, gathered, received);
    }
}
