package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.ExpertFailedException;
import java.util.BitSet;

/** Some rows of a batch cannot be computed. Their tasks fail, and the others are computed without them. */
public final class PoisonousRowsException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final BitSet rows;
    private final boolean certain;

    /**
     * @param message for the callers of these rows
     * @param rows at least one
     * @param certain whether each was looked at by itself. If not, rows may have spoiled each other, and naming the rows
     *     of all tasks accuses nobody
     */
    public PoisonousRowsException(String message, BitSet rows, boolean certain) {
        super(message);
        this.rows = (BitSet) rows.clone();
        this.certain = certain;
    }

    /** The numbers of the rows, a copy. */
    public BitSet rows() {
        return (BitSet) rows.clone();
    }

    /** Whether each row was looked at by itself. */
    public boolean isCertain() {
        return certain;
    }

    /** The same for the caller of such a row. */
    public ExpertFailedException toRpcException() {
        return new ExpertFailedException(String.valueOf(getMessage()));
    }
}
