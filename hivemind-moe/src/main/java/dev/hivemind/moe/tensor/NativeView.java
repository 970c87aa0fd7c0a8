package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.ByteBuffer;

/**
 * A look at the native memory of an array, for as long as the view is open.
 *
 * <p>The engine makes an array that is not contiguous contiguous first, in a hidden array of the same manager. The view
 * lends the array to a manager of its own meanwhile, so that the hidden one goes with the view.
 */
final class NativeView implements AutoCloseable {

    private static final ByteBuffer EMPTY = ByteBuffer.allocate(0);

    private final NDManager scope;
    private final ByteBuffer bytes;

    private NativeView(NDManager scope, ByteBuffer bytes) {
        this.scope = scope;
        this.bytes = bytes;
    }

    static NativeView open(NDArray array) {
        NDManager scope = array.getManager().newSubManager();
        try {
            array.tempAttach(scope);
            return new NativeView(scope, array.size() == 0 ? EMPTY : array.toByteBuffer(true));
        } catch (RuntimeException | Error e) {
            scope.close();
            throw e;
        }
    }

    /** All elements in row-major order. The position is shared by all users of the view. */
    ByteBuffer bytes() {
        return bytes;
    }

    @Override
    public void close() {
        scope.close();
    }
}
