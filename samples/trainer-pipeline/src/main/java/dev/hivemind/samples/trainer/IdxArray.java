package dev.hivemind.samples.trainer;

/** The content of one IDX file of unsigned bytes: the sizes of its dimensions, and the values in row-major order. */
final class IdxArray {

    private final int[] shape;
    private final byte[] values;

    IdxArray(int[] shape, byte[] values) {
        this.shape = shape.clone();
        this.values = values;
    }

    /** The size of the first dimension: how many pictures or labels there are. */
    int count() {
        return shape[0];
    }

    int dimension(int index) {
        return shape[index];
    }

    /** The values themselves, not a copy. */
    byte[] values() {
        return values;
    }
}
