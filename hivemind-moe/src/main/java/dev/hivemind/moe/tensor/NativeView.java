package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import java.nio.ByteBuffer;

/**
 * A look at the native memory of an array, for as long as the view is open. Opened and closed by one thread, which makes no
 * arrays meanwhile.
 *
 * <p>The engine makes an array that is not contiguous contiguous first, in a hidden array that nobody else would close
 * before its manager: that one goes with the view.
 */
final class NativeView implements AutoCloseable {

    private static final ByteBuffer EMPTY = ByteBuffer.allocate(0);

    private final NDScope hidden;
    private final ByteBuffer bytes;

    private NativeView(NDScope hidden, ByteBuffer bytes) {
        this.hidden = hidden;
        this.bytes = bytes;
    }

    static NativeView open(NDArray array) {
        var hidden = new NDScope();
        try {
            return new NativeView(hidden, array.size() == 0 ? EMPTY : array.toByteBuffer(true));
        } catch (RuntimeException | Error e) {
            hidden.close();
            throw e;
        }
    }

    /** All elements in row-major order. The position is shared by all users of the view. */
    ByteBuffer bytes() {
        return bytes;
    }

    @Override
    public void close() {
        hidden.close();
    }
}
