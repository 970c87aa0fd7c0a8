package dev.hivemind.moe.gating;

/** Experts were found, but none that lies in the grid: the grid or the prefix is another than that of the servers. */
public final class GridMismatchException extends IllegalArgumentException {

    public GridMismatchException(String message) {
        super(message);
    }
}
