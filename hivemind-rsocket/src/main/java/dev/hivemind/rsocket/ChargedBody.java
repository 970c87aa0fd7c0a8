package dev.hivemind.rsocket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;

/**
 * A received body that tells when its last reference is released, whoever holds that: handlers may retain a body for
 * longer than their call lasts.
 */
final class ChargedBody extends CompositeByteBuf {

    private final Runnable onReleased;

    /** Takes over the bytes. */
    ChargedBody(ByteBuf bytes, Runnable onReleased) {
        super(ByteBufAllocator.DEFAULT, true, 1);
        this.onReleased = onReleased;
        addComponent(true, bytes);
    }

    @Override
    protected void deallocate() {
        super.deallocate();
        onReleased.run();
    }
}
