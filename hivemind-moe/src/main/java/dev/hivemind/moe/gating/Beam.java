package dev.hivemind.moe.gating;

/**
 * The best candidates of one row, best first: places in lines. Insertion into a short sorted list is faster than a heap
 * for the handful that a row takes. Ties go to whoever came first.
 */
final class Beam {

    private final float[] scores;
    private final int[] lines;
    private final int[] places;
    private int size;

    Beam(int capacity) {
        this.scores = new float[capacity];
        this.lines = new int[capacity];
        this.places = new int[capacity];
    }

    void offer(float score, int line, int place) {
        int position = size;
        while (position > 0 && score > scores[position - 1]) {
            position--;
        }
        if (position == scores.length) {
            return;
        }
        int moved = Math.min(size, scores.length - 1) - position;
        System.arraycopy(scores, position, scores, position + 1, moved);
        System.arraycopy(lines, position, lines, position + 1, moved);
        System.arraycopy(places, position, places, position + 1, moved);
        scores[position] = score;
        lines[position] = line;
        places[position] = place;
        size = Math.min(size + 1, scores.length);
    }

    int size() {
        return size;
    }

    float score(int rank) {
        return scores[rank];
    }

    int line(int rank) {
        return lines[rank];
    }

    int place(int rank) {
        return places[rank];
    }
}
