package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.SplittableRandom;

/** Pictures of 8 by 8 pixels with a ring or a bar on them, somewhere near the middle, in noise. */
final class TinyPictures {

    static final int SIDE = 8;
    static final int PIXELS = SIDE * SIDE;
    static final int CLASSES = 2;

    private static final double NOISE = 0.3;

    private final SplittableRandom random;

    TinyPictures(long seed) {
        this.random = new SplittableRandom(seed);
    }

    Batch batch(NDManager manager, int rows) {
        float[] pixels = new float[rows * PIXELS];
        long[] labels = new long[rows];
        for (int row = 0; row < rows; row++) {
            labels[row] = random.nextInt(CLASSES);
            draw(pixels, row * PIXELS, labels[row] == 0);
        }
        return new Batch(
                manager.create(pixels, new Shape(rows, PIXELS)), manager.create(labels, new Shape(rows, 1)), labels);
    }

    private void draw(float[] pixels, int offset, boolean ring) {
        double middleX = SIDE / 2.0 - 0.5 + random.nextInt(-1, 2);
        double middleY = SIDE / 2.0 - 0.5 + random.nextInt(-1, 2);
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                double distance = Math.hypot(x - middleX, y - middleY);
                boolean ink = ring
                        ? Math.abs(distance - 2.5) < 0.6
                        : Math.abs(x - middleX) < 0.6 && Math.abs(y - middleY) < 3;
                pixels[offset + y * SIDE + x] = (float) ((ink ? 1 : 0) + NOISE * random.nextDouble(-1, 1));
            }
        }
    }

    /** Pictures and what is on them. */
    record Batch(NDArray pixels, NDArray labels, long[] classes) {

        NDArray loss(NDArray logits) {
            return logits.logSoftmax(1).gather(labels, 1).mean().neg();
        }

        double accuracy(NDArray logits) {
            long[] found = logits.argMax(1).toLongArray();
            int right = 0;
            for (int row = 0; row < found.length; row++) {
                right += found[row] == classes[row] ? 1 : 0;
            }
            return (double) right / found.length;
        }
    }
}
