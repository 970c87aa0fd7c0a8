package dev.hivemind.moe.mixture;

import java.util.List;

/**
 * How many answers each row of a batch has, and how many it can still get. Not thread-safe.
 */
final class Coverage {

    private final int needed;
    private final int[] answered;
    private final int[] open;
    private int unsettled;

    /** @param needed answers that every row needs, as far as so many were asked for it */
    Coverage(int rows, int needed, List<Group> groups) {
        this.needed = needed;
        this.answered = new int[rows];
        this.open = new int[rows];
        for (Group group : groups) {
            for (int row : group.rows()) {
                open[row]++;
            }
        }
        for (int row = 0; row < rows; row++) {
            unsettled += isSettled(row) ? 0 : 1;
        }
    }

    void answered(Group group) {
        for (int row : group.rows()) {
            boolean before = isSettled(row);
            open[row]--;
            answered[row]++;
            unsettled -= !before && isSettled(row) ? 1 : 0;
        }
    }

    void failed(Group group) {
        for (int row : group.rows()) {
            boolean before = isSettled(row);
            open[row]--;
            unsettled -= !before && isSettled(row) ? 1 : 0;
        }
    }

    /** Whether waiting longer is of no use: every row has what it needs, or nobody left to get it from. */
    boolean isSettled() {
        return unsettled == 0;
    }

    private boolean isSettled(int row) {
        return answered[row] >= needed || open[row] == 0;
    }
}
