package dev.hivemind.rsocket.compression;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/** Copies. */
final class RawCodec implements TensorCodec {

    @Override
    public int wireId() {
        return 0;
    }

    @Override
    public String name() {
        return "none";
    }

    @Override
    public boolean supports(TensorLayout layout) {
        return true;
    }

    @Override
    public long encodedBytes(TensorLayout layout) {
        return layout.sizeBytes();
    }

    @Override
    public void encode(TensorLayout layout, ByteBuffer source, ByteBuf target) {
        target.writeBytes(source.slice(source.position(), layout.sizeBytes()));
    }

    @Override
    public void decode(TensorLayout layout, ByteBuf encoded, ByteBuffer target) {
        encoded.getBytes(encoded.readerIndex(), target.slice(target.position(), layout.sizeBytes()));
    }
}
