package dev.hivemind.moe.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.norm.BatchNorm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;

class RunningAveragesTest {

    private static final int CONCURRENCY = 16;
    private static final int ROWS = 8;
    private static final int STEPS = 1_200;
    private static final float DEVIATION = 0.1f;

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private final GatedLayer gates = new GatedLayer();

    @Test
    void train_withManyBatchesUnderWay_bringsTheVarianceToThatOfTheInputs() {
        TrainingPipeline pipeline = fixture.built(normalized().concurrency(CONCURRENCY));
        List<Throwable> errors = new CopyOnWriteArrayList<>();
        Disposable training = pipeline.train(Flux.range(0, STEPS + CONCURRENCY).map(RunningAveragesTest::batch))
                .subscribe(report -> {}, errors::add);
        List<GatedLayer.Gate> waiting = new ArrayList<>(gates.forward(CONCURRENCY));
        List<Float> least = new ArrayList<>();

        for (int step = 0; step < STEPS; step++) {
            waiting.remove(0).open();
            gates.backward(1).get(0).open();
            waiting.addAll(gates.forward(1));
            if (step % CONCURRENCY == 0) {
                least.addAll(variances(pipeline));
            }
        }

        assertThat(errors).isEmpty();
        assertThat(least).allMatch(variance -> variance > 0);
        assertThat(variances(pipeline))
                .allSatisfy(variance -> assertThat(variance).isCloseTo(DEVIATION * DEVIATION, within(0.005f)));
        training.dispose();
    }

    private TrainingPipeline.Builder normalized() {
        Block norm = BatchNorm.builder().build();
        norm.initialize(fixture.manager(), DataType.FLOAT32, new Shape(ROWS, TrainingFixture.WIDTH));
        return TrainingPipeline.builder(fixture.client())
                .local("norm", norm)
                .layer("far", gates)
                .local("decoder", fixture.linear(TrainingFixture.WIDTH, TrainingFixture.CLASSES, 2))
                .loss(Loss.crossEntropy())
                .optimizer(OptimizerConfig.sgd(0.01));
    }

    private static List<Float> variances(TrainingPipeline pipeline) {
        return TrainingFixture.weights(pipeline).get("norm.runningVar");
    }

    private static Batch batch(int index) {
        float[] inputs = new float[ROWS * TrainingFixture.WIDTH];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = i / TrainingFixture.WIDTH % 2 == 0 ? DEVIATION : -DEVIATION;
        }
        return new Batch(
                index,
                0,
                List.of(HostTensor.of(inputs, ROWS, TrainingFixture.WIDTH)),
                List.of(HostTensor.of(new long[ROWS], ROWS)));
    }
}
