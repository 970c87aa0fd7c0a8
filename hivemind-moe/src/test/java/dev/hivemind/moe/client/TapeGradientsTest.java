package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.TapeFixture.LEARNING_RATE;
import static dev.hivemind.moe.client.TapeFixture.ROWS;
import static dev.hivemind.moe.client.TapeFixture.TOLERANCE;
import static dev.hivemind.moe.client.TapeFixture.WIDTH;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BinaryOperator;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A step through remote experts against the same step in one local graph. */
class TapeGradientsTest {

    /** Rows of several callers make one batch, whose matrix products add up in another order. */
    private static final float BATCHED_TOLERANCE = 1e-4f;

    @RegisterExtension
    final TapeFixture fixture = new TapeFixture();

    private final Swarm swarm = fixture.swarm();

    /** Gradients of x and of both local weights around {@code middle}, and the loss. */
    private Map<String, float[]> around(UnaryOperator<NDArray> middle, BinaryOperator<NDArray> finish) {
        NDArray x = fixture.random(1, ROWS, WIDTH);
        NDArray before = fixture.random(2, WIDTH, WIDTH);
        NDArray after = fixture.random(3, WIDTH, 1);
        Map<String, float[]> results = new LinkedHashMap<>();
        NDArray hidden = x.dot(before).tanh();
        NDArray loss = finish.apply(hidden, middle.apply(hidden).dot(after)).mean();
        results.put("loss", new float[] {loss.getFloat()});
        backward.accept(loss);
        Map.of("x", x, "before", before, "after", after)
                .forEach((name, array) -> results.put(name, array.getGradient().toFloatArray()));
        return results;
    }

    private Consumer<NDArray> backward = loss -> {};

    private Map<String, float[]> remotely(Function<RemoteTape, UnaryOperator<NDArray>> middle) {
        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            backward = tape::backward;
            return around(middle.apply(tape), (hidden, output) -> output);
        }
    }

    private Map<String, float[]> locally(UnaryOperator<NDArray> middle) {
        TensorOps.setGradMode(true);
        try {
            backward = loss -> TensorOps.vectorJacobianProduct(loss, loss.onesLike(), false);
            return around(middle, (hidden, output) -> output);
        } finally {
            TensorOps.setGradMode(false);
        }
    }

    private LocalExpert local(int index) {
        return new LocalExpert(fixture.manager(), index);
    }

    private static void assertSame(Map<String, float[]> actual, Map<String, float[]> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, values) -> assertThat(actual.get(name))
                .as(name)
                .usingComparatorWithPrecision(TOLERANCE)
                .containsExactly(values));
    }

    @Test
    void backward_throughOneExpert_givesTheLocalGradients() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        RemoteExpert expert = swarm.expert(0);

        assertSame(remotely(tape -> h -> tape.forward(expert, h)), locally(local(0)));
    }

    @Test
    void backward_throughOneExpert_stepsItLikeLocalSgd() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        RemoteExpert expert = swarm.expert(0);
        LocalExpert reference = local(0);

        remotely(tape -> h -> tape.forward(expert, h));
        locally(reference);

        swarm.backend(0)
                .parameters()
                .forEach((name, parameter) -> assertThat(parameter.toFloatArray())
                        .as(name)
                        .usingComparatorWithPrecision(TOLERANCE)
                        .containsExactly(reference.afterSgd(name)));
    }

    @Test
    void backward_throughOneExpert_stepsItLikeLocalAdamWithBothMoments() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.adam(LEARNING_RATE));
        RemoteExpert expert = swarm.expert(0);
        LocalExpert reference = local(0);

        remotely(tape -> h -> tape.forward(expert, h));
        locally(reference);

        swarm.backend(0)
                .parameters()
                .forEach((name, parameter) -> assertThat(parameter.toFloatArray())
                        .as(name)
                        .usingComparatorWithPrecision(TOLERANCE)
                        .containsExactly(reference.afterAdam(name)));
        Map<String, NDArray> moments = swarm.backend(0).optimizer().state();
        assertThat(moments).hasSize(2 * swarm.backend(0).parameters().size());
        moments.forEach((name, moment) -> assertThat(moment.toFloatArray())
                .as(name)
                .usingComparatorWithPrecision(TOLERANCE)
                .containsExactly(reference.adamMoment(name)));
    }

    @Test
    void backward_throughTwoExpertsInSeriesOnTwoServers_givesTheLocalGradients() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen()).host(1, 1, WIDTH, OptimizerConfig.frozen());
        RemoteExpert first = swarm.expert(0);
        RemoteExpert second = swarm.expert(1);

        assertSame(
                remotely(
                        tape -> h -> tape.forward(second, tape.forward(first, h).tanh())),
                locally(h -> local(1).apply(local(0).apply(h).tanh())));
    }

    @Test
    void backward_throughABranchAroundAnExpert_addsBothPaths() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);

        assertSame(remotely(tape -> h -> h.add(tape.forward(expert, h))), locally(h -> h.add(local(0).apply(h))));
    }

    @Test
    void backward_throughOneExpertTwice_addsBothUses() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);

        assertSame(
                remotely(tape -> h -> tape.forward(expert, h).add(tape.forward(expert, h.neg()))),
                locally(h -> local(0).apply(h).add(local(0).apply(h.neg()))));
    }

    @Test
    void backward_ofAModelThatIsRemoteOnly_trainsTheExpert() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        NDArray input = fixture.random(1, ROWS, WIDTH).stopGradient();
        float[] before = firstParameter();

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            tape.backward(tape.forward(swarm.expert(0), input).square().sum());
        }

        assertThat(firstParameter()).isNotEqualTo(before);
        assertThat(swarm.backend(0).optimizer().steps()).isEqualTo(1);
    }

    private float[] firstParameter() {
        return swarm.backend(0).parameters().values().iterator().next().toFloatArray();
    }

    @Test
    void backward_ofALossThatDoesNotDependOnAnExpert_doesNotStepIt() {
        swarm.host(0, 1, WIDTH, OptimizerConfig.adam(LEARNING_RATE));
        NDArray input = fixture.random(1, ROWS, WIDTH);

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            tape.forward(swarm.expert(1), tape.forward(swarm.expert(0), input));
            tape.backward(tape.forward(swarm.expert(0), input).sum());
        }

        assertThat(swarm.backend(0).optimizer().steps()).isEqualTo(1);
        assertThat(swarm.backend(1).optimizer().steps()).isZero();
    }

    @Test
    void forward_asAMono_givesTheSameOutputs() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        NDArray input = fixture.random(1, ROWS, WIDTH);

        NDList output =
                swarm.expert(0).forward(fixture.manager(), new NDList(input)).block(Swarm.TIMEOUT);

        assertThat(output.singletonOrThrow().toFloatArray())
                .usingComparatorWithPrecision(TOLERANCE)
                .containsExactly(local(0).apply(input).toFloatArray());
    }

    @Test
    void tapes_onManyThreadsAtOnce_giveTheLocalGradients() throws InterruptedException {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        float[] expected = inputGradient(fixture.manager(), expert);
        var wrong = new AtomicReference<Throwable>();
        Thread[] threads = new Thread[4];
        for (int t = 0; t < threads.length; t++) {
            threads[t] = new Thread(() -> {
                try (NDManager own = TensorOps.newManager()) {
                    for (int step = 0; step < 20; step++) {
                        assertThat(inputGradient(own, expert))
                                .usingComparatorWithPrecision(BATCHED_TOLERANCE)
                                .containsExactly(expected);
                    }
                } catch (Throwable e) {
                    wrong.set(e);
                }
            });
            threads[t].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(wrong.get()).isNull();
    }

    private static float[] inputGradient(NDManager parent, RemoteExpert expert) {
        try (RemoteTape tape = RemoteTape.open(parent)) {
            NDArray x = tape.manager().arange(ROWS * WIDTH).div(ROWS * WIDTH).reshape(ROWS, WIDTH);
            x.setRequiresGradient(true);
            tape.backward(tape.forward(expert, x.tanh()).square().sum());
            return x.getGradient().toFloatArray();
        }
    }
}
