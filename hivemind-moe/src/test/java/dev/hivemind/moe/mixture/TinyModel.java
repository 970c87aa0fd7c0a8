package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Something remote, and a linear classifier behind it. */
final class TinyModel {

    private static final double LEARNING_RATE = 0.05;

    private final NDManager manager;
    private final NDArray weight;
    private final NDArray bias;
    private final Body body;
    private final NDList parameters;

    TinyModel(NDManager manager, long seed, Body body, NDList bodyParameters) {
        this.manager = manager;
        this.body = body;
        this.weight = parameter(new SplittableRandom(seed));
        this.bias = manager.zeros(new Shape(TinyPictures.CLASSES));
        this.bias.setRequiresGradient(true);
        this.parameters = new NDList(bodyParameters);
        parameters.add(weight);
        parameters.add(bias);
    }

    private NDArray parameter(SplittableRandom random) {
        float[] values = new float[TinyPictures.PIXELS * TinyPictures.CLASSES];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-0.125, 0.125);
        }
        NDArray parameter = manager.create(values, new Shape(TinyPictures.PIXELS, TinyPictures.CLASSES));
        parameter.setRequiresGradient(true);
        return parameter;
    }

    /** What is in front of the classifier: features, and perhaps a loss of its own. */
    @FunctionalInterface
    interface Body {

        NDList forward(RemoteTape tape, NDArray pixels, boolean training);
    }

    /** One step, after which local parameters have been moved; returns the loss. */
    float step(TinyPictures pictures, int rows) {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            TinyPictures.Batch batch = pictures.batch(tape.manager(), rows);
            NDList features = body.forward(tape, batch.pixels(), true);
            NDArray loss = batch.loss(logits(features.head()));
            float value = loss.getFloat();
            if (features.size() > 1) {
                loss = loss.add(features.get(1).mul(tape.manager().create(0.01f)));
            }
            tape.backward(loss);
            TensorOps.withGradMode(false, () -> {
                parameters.forEach(this::move);
                return true;
            });
            return value;
        } finally {
            parameters.forEach(TensorOps::zeroGradient);
        }
    }

    private void move(NDArray parameter) {
        NDArray gradient = TensorOps.gradientOf(parameter);
        if (gradient != null) {
            TensorOps.sgdUpdate(parameter, gradient, LEARNING_RATE);
            gradient.close();
        }
    }

    private NDArray logits(NDArray features) {
        return features.dot(weight).add(bias);
    }

    double accuracy(TinyPictures pictures, int rows) {
        try (RemoteTape tape = RemoteTape.open(manager)) {
            TinyPictures.Batch batch = pictures.batch(tape.manager(), rows);
            return batch.accuracy(
                    logits(body.forward(tape, batch.pixels(), false).head()));
        }
    }

    /** The losses of so many steps. */
    List<Float> train(TinyPictures pictures, int rows, int steps) {
        List<Float> losses = new ArrayList<>();
        for (int step = 0; step < steps; step++) {
            losses.add(step(pictures, rows));
        }
        return losses;
    }
}
