package dev.hivemind.rsocket.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.tensor.TensorBuffers.RecyclingAllocator;
import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.util.IllegalReferenceCountException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TensorBuffersTest {

    private static final int MIB = 1 << 20;

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private final AtomicLong clock = new AtomicLong();
    private final IdleMemory idle = new IdleMemory(16L * MIB, clock::get);
    private final RecyclingAllocator allocator = new RecyclingAllocator(idle);

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 1_000, MIB, MIB + 1, 8 * MIB})
    void allocate_anySize_isEmptyAndTakesJustThat(int bytes) {
        ByteBuf buffer = TensorBuffers.allocate(bytes);

        assertThat(buffer.readableBytes()).isZero();
        assertThat(buffer.writableBytes()).isEqualTo(Math.max(1, bytes));
        assertThat(buffer.maxCapacity()).isEqualTo(buffer.capacity());
        assertThat(buffer.isDirect()).isTrue();
        buffer.release();
    }

    @Test
    void release_ofLarge_memoryIsUsedAgain() {
        ByteBuf first = large(8 * MIB);
        first.setByte(8 * MIB - 1, 42);
        first.release();

        ByteBuf second = large(8 * MIB);

        assertThat(second.getByte(8 * MIB - 1)).isEqualTo((byte) 42);
        assertThat(idle.bytes()).isZero();
        second.release();
    }

    @Test
    void release_ofLargeWhileASliceIsHeld_memoryIsNotUsedAgain() {
        ByteBuf first = large(8 * MIB);
        ByteBuf slice = first.retainedSlice(0, 10);
        first.release();

        assertThat(idle.bytes()).isZero();
        slice.release();
        assertThat(idle.bytes()).isEqualTo(8L * MIB);
    }

    @Test
    void read_afterRelease_isRefused() {
        ByteBuf buffer = large(2 * MIB);
        buffer.release();

        assertThatThrownBy(() -> buffer.getByte(0)).isInstanceOf(IllegalReferenceCountException.class);
        assertThatThrownBy(buffer::release).isInstanceOf(IllegalReferenceCountException.class);
    }

    @Test
    void release_ofMoreThanIsKept_oldestGoes() {
        ByteBuf first = large(8 * MIB);
        ByteBuf second = large(7 * MIB);
        ByteBuf third = large(6 * MIB);
        first.release();
        second.release();
        third.release();

        assertThat(idle.bytes()).isEqualTo(13L * MIB);
    }

    @Test
    void release_ofLargerThanIsKept_keepsNothing() {
        large(17 * MIB).release();

        assertThat(idle.bytes()).isZero();
    }

    @Test
    void release_afterOthersHaveWaitedLong_theyGo() {
        ByteBuf old = large(4 * MIB);
        ByteBuf fresh = large(2 * MIB);
        old.release();
        clock.addAndGet(Duration.ofSeconds(11).toNanos());

        fresh.release();

        assertThat(idle.bytes()).isEqualTo(2L * MIB);
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1048577, 1179648", "8388608, 8388608", "8388609, 9437184", "2147483647, 2147483647"})
    void roundUp_aSize_isAtMostAnEighthMore(int size, int rounded) {
        assertThat(IdleMemory.roundUp(size)).isEqualTo(rounded);
    }

    private ByteBuf large(int bytes) {
        return allocator.directBuffer(bytes, bytes);
    }
}
