package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.ParameterStore;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A step through remote experts against the same step in one local graph. */
class RemoteTapeTest {

    private static final int WIDTH = 16;
    private static final int ROWS = 5;
    private static final double LEARNING_RATE = 0.01;
    private static final float TOLERANCE = 1e-5f;

    /** Rows of several callers make one batch, whose matrix products add up in another order. */
    private static final float BATCHED_TOLERANCE = 1e-4f;

    private final Swarm swarm = new Swarm();
    private NDManager manager;

    @BeforeEach
    void prepare() {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
    }

    @AfterEach
    void close() {
        manager.close();
        swarm.close();
        assertThat(TensorOps.isGradMode()).isFalse();
    }

    private NDArray random(long seed, long... shape) {
        var random = new SplittableRandom(seed);
        float[] values = new float[Math.toIntExact(new Shape(shape).size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        NDArray array = manager.create(values, new Shape(shape));
        array.setRequiresGradient(true);
        return array;
    }

    /** Gradients of x and of both local weights around {@code middle}, and the loss. */
    private Map<String, float[]> around(UnaryOperator<NDArray> middle, BinaryOperator<NDArray> finish) {
        NDArray x = random(1, ROWS, WIDTH);
        NDArray before = random(2, WIDTH, WIDTH);
        NDArray after = random(3, WIDTH, 1);
        Map<String, float[]> results = new LinkedHashMap<>();
        NDArray hidden = x.dot(before).tanh();
        NDArray loss = finish.apply(hidden, middle.apply(hidden).dot(after)).mean();
        results.put("loss", new float[] {loss.getFloat()});
        backward.accept(loss);
        Map.of("x", x, "before", before, "after", after)
                .forEach((name, array) -> results.put(name, array.getGradient().toFloatArray()));
        return results;
    }

    private java.util.function.Consumer<NDArray> backward = loss -> {};

    private Map<String, float[]> remotely(java.util.function.Function<RemoteTape, UnaryOperator<NDArray>> middle) {
        try (RemoteTape tape = RemoteTape.open(manager)) {
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
        return new LocalExpert(index);
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
        NDArray input = random(1, ROWS, WIDTH).stopGradient();
        float[] before = firstParameter();

        try (RemoteTape tape = RemoteTape.open(manager)) {
            tape.backward(tape.forward(swarm.expert(0), input).square().sum());
        }

        assertThat(firstParameter()).isNotEqualTo(before);
        assertThat(swarm.backend(0).optimizer().steps()).isEqualTo(1);
    }

    private float[] firstParameter() {
        return swarm.backend(0).parameters().values().iterator().next().toFloatArray();
    }

    @Test
    void forward_withTheWrongWidth_namesItAndLeavesTheTapeUsable() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);

        try (RemoteTape tape = RemoteTape.open(manager)) {
            assertThatThrownBy(() -> tape.forward(expert, random(1, 3, 11)))
                    .isInstanceOf(SchemaMismatchException.class)
                    .hasMessageContaining("11");
            assertThat(tape.forward(expert, random(1, 3, WIDTH)).getShape()).isEqualTo(new Shape(3, WIDTH));
        }
    }

    @Test
    void expert_thatNobodyHosts_isUnknown() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());

        assertThatThrownBy(() -> swarm.client().expert(new ExpertUid("ffn.77")).block(Swarm.TIMEOUT))
                .isInstanceOf(UnknownExpertException.class)
                .hasMessageContaining("ffn.77");
    }

    @Test
    void backward_afterTheServerDied_isUnavailable() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);

        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray output = tape.forward(expert, random(1, ROWS, WIDTH));
            swarm.kill(0);
            assertThatThrownBy(() -> tape.backward(output.sum())).isInstanceOf(PeerUnavailableException.class);
        }
    }

    @Test
    void forward_asAMono_givesTheSameOutputs() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        NDArray input = random(1, ROWS, WIDTH);

        NDList output = swarm.expert(0).forward(manager, new NDList(input)).block(Swarm.TIMEOUT);

        assertThat(output.singletonOrThrow().toFloatArray())
                .usingComparatorWithPrecision(TOLERANCE)
                .containsExactly(local(0).apply(input).toFloatArray());
    }

    @Test
    void forward_asAMonoCancelledAtAnyMoment_leaksNothing() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        NDArray input = random(1, ROWS, WIDTH);
        for (int round = 0; round < 1_000; round++) {
            expert.forward(manager, new NDList(input))
                    .timeout(Duration.ofNanos(1 + 2_000L * round), Mono.empty())
                    .block(Swarm.TIMEOUT);
        }

        assertThat(expert.forward(manager, new NDList(input)).block(Swarm.TIMEOUT))
                .hasSize(1);
    }

    @Test
    void forward_interruptedAtAnyMoment_leaksNothing() throws InterruptedException {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        for (int round = 0; round < 300; round++) {
            Thread caller = new Thread(() -> callOnce(expert));
            caller.start();
            LockSupport.parkNanos(5_000L * round);
            caller.interrupt();
            caller.join();
        }
    }

    private void callOnce(RemoteExpert expert) {
        try (NDManager own = TensorOps.newManager();
                RemoteTape tape = RemoteTape.open(own)) {
            tape.forward(expert, own.ones(new Shape(ROWS, WIDTH)));
        } catch (CancellationException expected) {
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        }
    }

    @Test
    void forward_whoseInputListIsClearedLater_stillGoesBackward() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        NDList inputs = new NDList(random(1, ROWS, WIDTH));
        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray output = tape.forward(swarm.expert(0), inputs).singletonOrThrow();
            inputs.clear();
            tape.backward(output.sum());
        }

        assertThat(swarm.backend(0).optimizer().steps()).isEqualTo(1);
    }

    @Test
    void info_ofAnExpert_isItsSchema() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());

        var schema = swarm.expert(0).info().block(Swarm.TIMEOUT);

        assertThat(schema.trainable()).isFalse();
        assertThat(schema.inputs())
                .singleElement()
                .satisfies(input -> assertThat(input.shape()).containsExactly(-1L, (long) WIDTH));
    }

    @Test
    void open_onAThreadThatMustNotBlock_isRefused() {
        assertThatThrownBy(() -> Mono.fromCallable(() -> RemoteTape.open(manager))
                        .subscribeOn(Schedulers.parallel())
                        .block(Swarm.TIMEOUT))
                .hasMessageContaining("a thread of your own");
    }

    @Test
    void forward_onAnotherThread_isRefused() throws InterruptedException {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        try (RemoteTape tape = RemoteTape.open(manager)) {
            var failure = new java.util.concurrent.atomic.AtomicReference<Throwable>();
            Thread stranger = new Thread(() -> {
                try {
                    tape.forward(expert, random(1, ROWS, WIDTH));
                } catch (IllegalStateException e) {
                    failure.set(e);
                }
            });
            stranger.start();
            stranger.join();
            assertThat(failure.get()).hasMessageContaining("belongs to the thread");
        }
    }

    @Test
    void steps_manyInARow_leaveNoArrayBehind() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        RemoteExpert expert = swarm.expert(0);
        NDArray input = random(1, ROWS, WIDTH);
        for (int step = 0; step < 50; step++) {
            try (RemoteTape tape = RemoteTape.open(manager)) {
                tape.backward(tape.forward(expert, input).sum());
            }
        }

        // The input and its gradient are all that may remain.
        assertThat(manager.getManagedArrays()).hasSizeLessThanOrEqualTo(2 + 1);
    }

    @Test
    void backward_ofALossThatDoesNotDependOnAnExpert_doesNotStepIt() {
        swarm.host(0, 1, WIDTH, OptimizerConfig.adam(LEARNING_RATE));
        NDArray input = random(1, ROWS, WIDTH);

        try (RemoteTape tape = RemoteTape.open(manager)) {
            tape.forward(swarm.expert(1), tape.forward(swarm.expert(0), input));
            tape.backward(tape.forward(swarm.expert(0), input).sum());
        }

        assertThat(swarm.backend(0).optimizer().steps()).isEqualTo(1);
        assertThat(swarm.backend(1).optimizer().steps()).isZero();
    }

    @Test
    void backward_aSecondTime_isRefused() {
        NDArray input = random(1, ROWS, WIDTH);
        try (RemoteTape tape = RemoteTape.open(manager)) {
            tape.backward(input.sum());

            assertThatThrownBy(() -> tape.backward(input.sum()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("once");
        }
    }

    @Test
    void forward_withGradModeSwitchedOff_isNotRecorded() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        NDArray input = random(1, ROWS, WIDTH);

        try (RemoteTape tape = RemoteTape.open(manager)) {
            NDArray unrecorded = TensorOps.withGradMode(false, () -> tape.forward(swarm.expert(0), input));
            tape.backward(input.mul(unrecorded).sum());
        }

        assertThat(swarm.backend(0).optimizer().steps()).isZero();
    }

    @Test
    void forward_whenTheTimeOfTheTapeIsOver_fails() {
        ScriptedPeers peers = new ScriptedPeers();
        try {
            RemoteExpert silent =
                    peers.expert(peers.peer(ScriptedPeers.schema(true), (caller, request) -> Mono.never()));
            try (RemoteTape tape = RemoteTape.open(manager, Duration.ofMillis(300))) {
                assertThatThrownBy(() -> tape.forward(silent, random(1, ROWS, ScriptedPeers.WIDTH)))
                        .isInstanceOf(DeadlineExceededException.class);
            }
        } finally {
            peers.afterEach(null);
        }
    }

    @Test
    void close_beforeATapeThatWasOpenedLater_isRefused() {
        try (RemoteTape outer = RemoteTape.open(manager);
                RemoteTape inner = RemoteTape.open(manager)) {
            assertThatThrownBy(outer::close).isInstanceOf(IllegalStateException.class);
            assertThat(inner.manager().isOpen()).isTrue();
        }
    }

    @Test
    void tapes_onManyThreadsAtOnce_giveTheLocalGradients() throws InterruptedException {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        float[] expected = inputGradient(manager, expert);
        var wrong = new java.util.concurrent.atomic.AtomicReference<Throwable>();
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

    /** The same expert in the local graph, with the steps that its optimizer ought to take. */
    private final class LocalExpert implements UnaryOperator<NDArray> {

        private final Block block;
        private final ParameterStore store = new ParameterStore(manager, false);

        LocalExpert(int index) {
            block = Swarm.ffn(WIDTH, index).block();
            block.initialize(manager, ai.djl.ndarray.types.DataType.FLOAT32, new Shape(1, WIDTH));
            block.getParameters().forEach(entry -> entry.getValue().getArray().setRequiresGradient(true));
        }

        @Override
        public NDArray apply(NDArray input) {
            return block.forward(store, new NDList(input), true).singletonOrThrow();
        }

        float[] afterSgd(String name) {
            return stepped(name, gradient -> gradient);
        }

        /** The first step of Adam moves by {@code g / (|g| + ε)}: both corrected moments are exact. */
        float[] afterAdam(String name) {
            return stepped(name, gradient -> gradient / (Math.abs(gradient) + 1e-8));
        }

        private float[] stepped(String name, java.util.function.DoubleUnaryOperator direction) {
            float[] values = parameter(name).toFloatArray();
            float[] gradients = parameter(name).getGradient().toFloatArray();
            for (int i = 0; i < values.length; i++) {
                values[i] -= (float) (LEARNING_RATE * direction.applyAsDouble(gradients[i]));
            }
            return values;
        }

        float[] adamMoment(String parameterAndKind) {
            int slash = parameterAndKind.lastIndexOf('/');
            boolean mean = parameterAndKind.substring(slash + 1).equals("mean");
            float[] gradients = parameter(parameterAndKind.substring(0, slash))
                    .getGradient()
                    .toFloatArray();
            for (int i = 0; i < gradients.length; i++) {
                gradients[i] = mean ? 0.1f * gradients[i] : 0.001f * gradients[i] * gradients[i];
            }
            return gradients;
        }

        private NDArray parameter(String name) {
            return block.getParameters().get(name).getArray();
        }
    }
}
