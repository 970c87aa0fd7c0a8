package dev.hivemind.rsocket.compression;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * One way to write the numbers of a tensor. Further codecs are found with {@link java.util.ServiceLoader}; peers use one
 * with each other when both have it.
 *
 * <p>Implementations are stateless and safe for use from any thread; they run on event loops and on device threads, and
 * never block. Rows are independent of each other: a tensor of several rows is encoded to the encodings of its rows, one
 * after the other. Numbers that are not finite must not decode to finite ones, so that no receiver mistakes a model that
 * has diverged for one that has not.
 */
public interface TensorCodec {

    /** The number that stands for the codec on the wire: 64 to 255, as lower ones are the protocol's own. */
    int wireId();

    /** The codec's name, 1 to 32 lower-case letters, digits and dashes. */
    String name();

    /** Whether tensors of this layout can be encoded. */
    boolean supports(TensorLayout layout);

    /** The exact size of the encoded numbers. */
    long encodedBytes(TensorLayout layout);

    /**
     * Appends the encoded numbers to a buffer.
     *
     * @param layout one that is supported
     * @param source little-endian numbers in row-major order from its position on, as many as the layout says; position
     *     and limit stay as they are
     * @param target borrowed; {@link #encodedBytes} are appended
     */
    void encode(TensorLayout layout, ByteBuffer source, ByteBuf target);

    /**
     * Writes the numbers to a buffer, little-endian.
     *
     * @param layout one that is supported
     * @param encoded borrowed; its readable bytes are {@link #encodedBytes}, and anything may stand in them; indices stay
     *     as they are
     * @param target takes the numbers from its position on; position and limit stay as they are
     */
    void decode(TensorLayout layout, ByteBuf encoded, ByteBuffer target);
}
