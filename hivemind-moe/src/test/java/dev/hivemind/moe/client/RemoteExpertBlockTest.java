package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A remote expert among the blocks of a local model. */
class RemoteExpertBlockTest {

    private static final int WIDTH = 8;
    private static final float TOLERANCE = 1e-5f;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Swarm swarm = new Swarm();
    private RemoteExpertBlock block;

    @BeforeEach
    void host() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        block = RemoteExpertBlock.create(swarm.expert(0)).block(Swarm.TIMEOUT);
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    private NDList input() {
        return new NDList(arrays.manager().ones(new Shape(3, WIDTH)));
    }

    private ParameterStore store() {
        return new ParameterStore(arrays.manager(), false);
    }

    private SequentialBlock sequential() {
        var model = new SequentialBlock()
                .add(Linear.builder().setUnits(WIDTH).build())
                .add(Activation::tanh)
                .add(block)
                .add(Linear.builder().setUnits(2).build());
        model.initialize(arrays.manager(), DataType.FLOAT32, new Shape(3, WIDTH));
        model.getParameters().forEach(entry -> entry.getValue().getArray().setRequiresGradient(true));
        return model;
    }

    @Test
    void forward_inASequentialBlockOnATape_givesGradientsOnBothSidesOfTheExpert() {
        SequentialBlock model = sequential();

        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            NDArray output = model.forward(store(), input(), true).singletonOrThrow();
            tape.backward(output.sum());

            assertThat(output.getShape()).isEqualTo(new Shape(3, 2));
            assertThat(model.getParameters().values())
                    .hasSize(4)
                    .allSatisfy(parameter -> assertThat(parameter
                                    .getArray()
                                    .getGradient()
                                    .abs()
                                    .sum()
                                    .getFloat())
                            .isPositive());
        }
    }

    @Test
    void forward_inGradModeWithoutATape_isRefused() {
        TensorOps.setGradMode(true);

        assertThatThrownBy(() -> block.forward(store(), input(), true))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("open a RemoteTape");
    }

    @Test
    void forward_inGradModeAfterTheTapeWasClosed_isRefused() {
        RemoteTape.open(arrays.manager()).close();
        TensorOps.setGradMode(true);

        assertThatThrownBy(() -> block.forward(store(), input(), true)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void forward_withoutGradMode_givesTheExpertsOutputs() {
        NDArray expected = swarm.expert(0)
                .forward(arrays.manager(), input())
                .block(Swarm.TIMEOUT)
                .singletonOrThrow();

        NDArray output = block.forward(store(), input(), false).singletonOrThrow();

        assertThat(output.toFloatArray())
                .usingComparatorWithPrecision(TOLERANCE)
                .containsExactly(expected.toFloatArray());
        assertThat(output.getManager()).isSameAs(arrays.manager());
    }

    @Test
    void forward_onAThreadThatMustNotBlock_isRefused() {
        assertThatThrownBy(() -> Mono.fromCallable(
                                () -> TensorOps.withGradMode(false, () -> block.forward(store(), input(), false)))
                        .subscribeOn(Schedulers.parallel())
                        .block(Swarm.TIMEOUT))
                .hasMessageContaining("a thread of your own");
    }

    @Test
    void outputShapes_areThoseOfTheSchema() {
        assertThat(block.getOutputShapes(new Shape[] {new Shape(7, WIDTH)})).containsExactly(new Shape(7, WIDTH));
        assertThat(block.getParameters().isEmpty()).isTrue();
    }
}
