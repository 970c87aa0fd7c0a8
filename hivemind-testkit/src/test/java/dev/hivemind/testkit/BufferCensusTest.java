package dev.hivemind.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BufferCensusTest {

    private static final ByteBufAllocator ALLOC = ByteBufAllocator.DEFAULT;

    private final BufferCensus census = BufferCensus.open();

    @AfterEach
    void close() {
        census.close();
    }

    @Test
    void mostBytes_ofBuffersThatLivedTogether_isTheirSum() {
        ByteBuf first = ALLOC.directBuffer(100, 100);
        ByteBuf second = ALLOC.directBuffer(50, 50);
        first.release();
        ByteBuf third = ALLOC.directBuffer(70, 70);

        assertThat(census.mostBytes()).isEqualTo(150);
        assertThat(census.heldBytes()).isEqualTo(120);
        second.release();
        third.release();
        assertThat(census.heldBytes()).isZero();
    }

    @Test
    void heldBytes_ofACompositeBuffer_areThoseOfItsParts() {
        CompositeByteBuf all = ALLOC.compositeBuffer()
                .addComponent(true, ALLOC.directBuffer(64, 64).writeZero(64));

        assertThat(census.heldBytes()).isEqualTo(64);
        all.release();
    }

    @Test
    void heldBytes_afterTheCensus_countNothingNew() {
        census.close();
        ALLOC.directBuffer(100).release();

        assertThat(census.mostBytes()).isZero();
    }
}
