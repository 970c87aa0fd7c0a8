package dev.hivemind.moe.client;

import static dev.hivemind.moe.tensor.RandomArrays.leaf;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Steps that nobody waits for, against the same steps on a {@link RemoteTape}. */
class ReactiveTapeTest {

    private static final int WIDTH = 8;
    private static final int ROWS = 4;
    private static final float TOLERANCE = 1e-5f;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Swarm swarm = new Swarm();

    @BeforeEach
    void host() {
        swarm.host(0, 2, WIDTH, OptimizerConfig.frozen());
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    /** Gradients of the input and of a local weight behind two experts in parallel and one after them. */
    private Mono<float[][]> reactiveStep(RemoteExpert left, RemoteExpert right, RemoteExpert top) {
        return ReactiveTape.step(
                swarm.client(),
                tape -> tape.local(() ->
                                new NDList(leaf(tape.manager(), 1, ROWS, WIDTH), leaf(tape.manager(), 2, WIDTH, WIDTH)))
                        .flatMap(leaves -> hidden(tape, leaves)
                                .flatMap(hidden -> Mono.zip(
                                        Layer.remote(left).forward(tape, hidden),
                                        Layer.remote(right).forward(tape, hidden)))
                                .flatMap(both -> tape.local(() -> new NDList(
                                        both.getT1().head().add(both.getT2().head()))))
                                .flatMap(sum -> Layer.remote(top)
                                        .then(Layer.local(outputs -> new NDList(
                                                outputs.head().square().sum())))
                                        .forward(tape, sum))
                                .flatMap(loss -> tape.backward(loss.head()))
                                .then(tape.local(() -> gradients(leaves)))));
    }

    private static Mono<NDList> hidden(ReactiveTape tape, NDList leaves) {
        return tape.local(() -> new NDList(leaves.get(0).dot(leaves.get(1)).tanh()));
    }

    private static float[][] gradients(NDList leaves) {
        return leaves.stream().map(leaf -> leaf.getGradient().toFloatArray()).toArray(float[][]::new);
    }

    private float[][] blockingStep(RemoteExpert left, RemoteExpert right, RemoteExpert top) {
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            NDList leaves = new NDList(leaf(tape.manager(), 1, ROWS, WIDTH), leaf(tape.manager(), 2, WIDTH, WIDTH));
            NDArray hidden = leaves.get(0).dot(leaves.get(1)).tanh();
            NDArray sum = tape.forward(left, hidden).add(tape.forward(right, hidden));
            tape.backward(tape.forward(top, sum).square().sum());
            return gradients(leaves);
        }
    }

    private static void assertSame(float[][] actual, float[][] expected) {
        assertThat(actual).hasNumberOfRows(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).usingComparatorWithPrecision(TOLERANCE).containsExactly(expected[i]);
        }
    }

    @Test
    void backward_throughBranchesAndASeries_givesTheGradientsOfABlockingTape() {
        float[][] reactive =
                reactiveStep(swarm.expert(0), swarm.expert(1), swarm.expert(2)).block(Swarm.TIMEOUT);

        assertSame(reactive, blockingStep(swarm.expert(0), swarm.expert(1), swarm.expert(2)));
    }

    @Test
    void steps_manyAtOnce_doNotDisturbEachOther() {
        RemoteExpert expert = swarm.expert(0);
        float[][] expected = blockingStep(expert, expert, expert);

        Flux.range(0, 40)
                .flatMap(i -> reactiveStep(expert, expert, expert), 8)
                .doOnNext(actual -> assertSame(actual, expected))
                .as(StepVerifier::create)
                .expectNextCount(40)
                .expectComplete()
                .verify(Swarm.TIMEOUT);
    }

    @Test
    void backward_aSecondTime_isRefused() {
        ReactiveTape.step(
                        swarm.client(),
                        tape -> tape.local(() ->
                                        leaf(tape.manager(), 1, ROWS, WIDTH).sum())
                                .flatMap(loss -> tape.backward(loss).then(tape.backward(loss))))
                .as(StepVerifier::create)
                .expectErrorMessage("A tape goes backward once: take another step")
                .verify(Swarm.TIMEOUT);
    }

    @Test
    void step_thatEnded_leavesNoManagerOpen() {
        RemoteExpert expert = swarm.expert(0);
        int before = TensorOps.openManagers();

        reactiveStep(expert, expert, expert).block(Swarm.TIMEOUT);

        assertThat(TensorOps.openManagers()).isEqualTo(before);
    }

    @Test
    void step_cancelledAtAnyMoment_leavesNothingBehind() {
        RemoteExpert expert = swarm.expert(0);
        expert.info().block(Swarm.TIMEOUT);
        for (int round = 0; round < 200; round++) {
            reactiveStep(expert, expert, expert)
                    .timeout(Duration.ofNanos(1 + 30_000L * round), Mono.empty())
                    .block(Swarm.TIMEOUT);
        }

        assertThat(reactiveStep(expert, expert, expert).block(Swarm.TIMEOUT)).hasNumberOfRows(2);
    }

    @Test
    void step_whoseInputDoesNotFit_failsAndLeavesNoManagerOpen() {
        RemoteExpert expert = swarm.expert(0);
        expert.info().block(Swarm.TIMEOUT);
        int before = TensorOps.openManagers();

        ReactiveTape.step(
                        swarm.client(),
                        tape -> tape.local(() -> new NDList(leaf(tape.manager(), 1, 3, 11)))
                                .flatMap(wrong -> tape.forward(expert, wrong)))
                .as(StepVerifier::create)
                .expectError(SchemaMismatchException.class)
                .verify(Swarm.TIMEOUT);
        assertThat(TensorOps.openManagers()).isEqualTo(before);
    }

    @Test
    void tensorThread_afterAStep_isNotInGradMode() {
        RemoteExpert expert = swarm.expert(0);

        reactiveStep(expert, expert, expert).block(Swarm.TIMEOUT);
        Boolean mode = Mono.fromCallable(TensorOps::isGradMode)
                .subscribeOn(swarm.client().calls().tensors())
                .block(Swarm.TIMEOUT);

        assertThat(mode).isFalse();
    }

    @Test
    void forward_ofAnotherClientsExpert_computesOnTheThreadOfTheTape() {
        ExpertClient other = swarm.clientWith(CallPolicy.DEFAULT);
        RemoteExpert foreign = other.expert(new ExpertUid("ffn.0")).block(Swarm.TIMEOUT);

        Mono<Boolean> step = ReactiveTape.step(
                swarm.client(),
                tape -> tape.local(() -> new NDList(leaf(tape.manager(), 1, ROWS, WIDTH)))
                        .flatMap(inputs -> Layer.remote(foreign).forward(tape, inputs))
                        .map(outputs -> Thread.currentThread())
                        .zipWhen(thread -> tape.local(Thread::currentThread), Object::equals));

        assertThat(step.block(Swarm.TIMEOUT)).isTrue();
    }
}
