package dev.hivemind.moe.server.batching;

import dev.hivemind.rsocket.error.ExpertFailedException;
import java.util.BitSet;

/** Some rows of a batch cannot be computed. Their tasks fail, and the others are computed without them. */
public final class PoisonousRowsException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final BitSet rows;

    /**
     * @param message for the callers of these rows
     * @param rows at least one
     */
    public PoisonousRowsException(String message, BitSet rows) {
        super(message);
        this.rows = (BitSet) rows.clone();
    }

    /** The numbers of the rows, a copy. */
    public BitSet rows() {
        return (BitSet) rows.clone();
    }

    /** The same for the caller of such a row. */
    public ExpertFailedException toRpcException() {
        return new ExpertFailedException(String.valueOf(getMessage()));
    }
}
