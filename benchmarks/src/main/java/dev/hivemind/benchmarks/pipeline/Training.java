package dev.hivemind.benchmarks.pipeline;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.HostTensor;
import dev.hivemind.moe.training.Loss;
import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainingPipeline;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;

/** Two dense blocks, trained by a pipeline, with an expert between them or without, or by a bare loop. */
final class Training implements AutoCloseable {

    static final int ROWS = 64;
    static final int WIDTH = 512;

    private static final double LEARNING_RATE = 1e-4;

    private final NDManager manager = TensorOps.newManager();
    private final Block before = block(true);
    private final Block after = block(false);
    private final HostTensor input = numbers(1);
    private final HostTensor target = numbers(2);
    private final ExpertClient client;

    Training(ExpertClient client) {
        this.client = client;
    }

    private Block block(boolean squashed) {
        SequentialBlock block =
                new SequentialBlock().add(Linear.builder().setUnits(WIDTH).build());
        if (squashed) {
            block.add(Activation::tanh);
        }
        block.initialize(manager, DataType.FLOAT32, new Shape(ROWS, WIDTH));
        return block;
    }

    private static HostTensor numbers(long seed) {
        var random = new SplittableRandom(seed);
        float[] numbers = new float[ROWS * WIDTH];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextDouble(-1, 1);
        }
        return HostTensor.of(numbers, ROWS, WIDTH);
    }

    /** A pipeline of the two blocks alone, one batch at a time. */
    TrainingPipeline local() {
        return TrainingPipeline.builder(client)
                .local("before", before)
                .local("after", after)
                .loss(Loss.meanSquaredError())
                .optimizer(OptimizerConfig.sgd(LEARNING_RATE))
                .build();
    }

    /** A pipeline through an expert, so many batches at a time. */
    TrainingPipeline remote(RemoteExpert expert, int concurrency) {
        return TrainingPipeline.builder(client)
                .local("before", before)
                .remote("middle", expert)
                .local("after", after)
                .loss(Loss.meanSquaredError())
                .optimizer(OptimizerConfig.sgd(LEARNING_RATE))
                .concurrency(concurrency)
                .build();
    }

    /** Trains with so many batches, and returns their number. */
    long train(TrainingPipeline pipeline, int batches) {
        return train(pipeline, batches, report -> {});
    }

    /** The same, and tells of each step. */
    long train(TrainingPipeline pipeline, int batches, Consumer<StepReport> told) {
        return pipeline.train(Flux.range(0, batches).map(index -> new Batch(index, 0, List.of(input), List.of(target))))
                .doOnNext(told)
                .count()
                .blockOptional()
                .orElse(0L);
    }

    /** What a pipeline of the two blocks computes, by the thread that calls and nothing around it. */
    long trainBare(int batches) {
        for (int batch = 0; batch < batches; batch++) {
            try (NDManager step = manager.newSubManager()) {
                TensorOps.withGradMode(true, () -> backward(step));
                TensorOps.withGradMode(false, this::stepWeights);
            }
        }
        return batches;
    }

    private float backward(NDManager step) {
        var store = new ParameterStore(step, false);
        NDList hidden = before.forward(store, new NDList(array(step, input)), true);
        NDList outputs = after.forward(store, hidden, true);
        NDArray loss = outputs.head().sub(array(step, target)).square().mean();
        TensorOps.vectorJacobianProduct(loss, loss.onesLike(), false);
        return loss.getFloat();
    }

    private static NDArray array(NDManager owner, HostTensor values) {
        return owner.create(values.floats(), new Shape(values.shape()));
    }

    private boolean stepWeights() {
        for (Block block : List.of(before, after)) {
            for (Parameter parameter : block.getParameters().values()) {
                NDArray weight = parameter.getArray();
                try (NDArray gradient = weight.getGradient();
                        NDArray change = gradient.mul(LEARNING_RATE)) {
                    weight.subi(change);
                }
                TensorOps.zeroGradient(weight);
            }
        }
        return true;
    }

    @Override
    public void close() {
        manager.close();
    }
}
