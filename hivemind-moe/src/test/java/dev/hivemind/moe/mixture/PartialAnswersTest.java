package dev.hivemind.moe.mixture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.RandomArrays;
import dev.hivemind.rsocket.RequestHandler;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;

/** Two experts of equal weight, the second of which does not do its part. */
class PartialAnswersTest {

    private static final int WIDTH = 8;
    private static final int ROWS = 5;
    private static final float TOLERANCE = 1e-5f;

    /** Only a hang reaches it. */
    private static final Duration LONG = Duration.ofMinutes(10);

    private static final Duration SHORT = Duration.ofMillis(50);
    private static final RequestHandler FAILING =
            (caller, request) -> Mono.error(new ExpertFailedException("Something is wrong"));

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final Swarm swarm = new Swarm();
    private ScriptedExpert second;

    @BeforeEach
    void host() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        second = new ScriptedExpert(swarm, "ffn.1", WIDTH);
    }

    @AfterEach
    void close() {
        swarm.close();
        second.close();
    }

    private RemoteMixtureOfExperts mixture(MixturePolicy policy) {
        var mixture = RemoteMixtureOfExperts.builder(swarm.client(), arrays.manager())
                .grid("ffn.[0:2]")
                .inFeatures(WIDTH)
                .kBest(2)
                .policy(policy.withTimeouts(LONG, LONG))
                .build();
        mixture.parameters().forEach(parameter -> parameter.set(new float[(int) parameter.size()]));
        return mixture;
    }

    private NDArray samples() {
        return RandomArrays.leaf(arrays.manager(), 11, ROWS, WIDTH);
    }

    private float[] outputOfTheFirst() {
        return swarm.expert(0)
                .forward(arrays.manager(), new NDList(samples()))
                .block(Swarm.TIMEOUT)
                .singletonOrThrow()
                .toFloatArray();
    }

    /** Its part of the gradient of the sum of all outputs. */
    private float[] gradientOfTheFirst() {
        NDArray half = arrays.manager().full(new Shape(ROWS, WIDTH), 0.5f);
        return swarm.expert(0)
                .backward(arrays.manager(), new NDList(samples()), new NDList(half))
                .block(Swarm.TIMEOUT)
                .singletonOrThrow()
                .toFloatArray();
    }

    private float[] gradient(RemoteMixtureOfExperts mixture) {
        NDArray samples = samples();
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            tape.backward(mixture.forward(tape, samples).sum());
        }
        return samples.getGradient().toFloatArray();
    }

    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).usingComparatorWithPrecision(TOLERANCE).containsExactly(expected);
    }

    @Test
    void forward_withEnoughAnswers_waitsForTheRestNoLongerThanItIsTold() {
        second.forward = ScriptedExpert.silent();
        RemoteMixtureOfExperts mixture = mixture(MixturePolicy.DEFAULT.withTimeoutAfterKMin(SHORT));

        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            assertClose(mixture.forward(tape, samples()).toFloatArray(), outputOfTheFirst());
        }

        assertThat(mixture.statistics().failedCalls()).isOne();
    }

    @Test
    void backward_withEnoughAnswers_waitsForTheRestNoLongerThanItIsTold() {
        second.backward = ScriptedExpert.silent();
        MixturePolicy bothForward = MixturePolicy.DEFAULT.withKMin(2, 1).withTimeoutAfterKMin(SHORT);

        assertClose(gradient(mixture(bothForward)), gradientOfTheFirst());
        assertThat(second.backwards).hasValueLessThanOrEqualTo(1);
    }

    @Test
    void backward_belowItsKMin_failsIfThePolicySaysSo() {
        second.backward = FAILING;
        RemoteMixtureOfExperts mixture =
                mixture(MixturePolicy.DEFAULT.withKMin(1, 2).withShortfall(Shortfall.FAIL));

        assertThatThrownBy(() -> gradient(mixture))
                .isInstanceOf(PeerUnavailableException.class)
                .hasMessageContaining("5 of 5 samples")
                .hasMessageContaining("lower backwardKMin");
    }

    @Test
    void backward_belowItsKMin_givesZerosIfThePolicySaysSo() {
        second.backward = FAILING;

        float[] gradient = gradient(mixture(MixturePolicy.DEFAULT.withKMin(1, 2).withShortfall(Shortfall.ZEROS)));

        assertThat(gradient).containsOnly(0);
    }

    @Test
    void backward_belowItsKMin_addsUpWhatThereIsIfThePolicySaysSo() {
        second.backward = FAILING;

        float[] gradient = gradient(mixture(MixturePolicy.DEFAULT.withKMin(1, 2)));

        assertClose(gradient, gradientOfTheFirst());
    }

    @Test
    void backward_ofAnExpertThatDidNotAnswerForward_isNotMissed() {
        second.forward = FAILING;
        NDArray samples = samples();
        RemoteMixtureOfExperts mixture =
                mixture(MixturePolicy.DEFAULT.withKMin(1, 2).withShortfall(Shortfall.FAIL));

        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            tape.backward(mixture.forward(tape, samples).sum());
        }

        assertThat(second.backwards).hasValue(0);
        assertThat(samples.getGradient().abs().sum().getFloat()).isPositive();
    }

    @Test
    void backward_answeredByNumbersThatAreNotFinite_goesOnWithoutThem() {
        second.backward = ScriptedExpert.filledWith(Float.NaN);
        RemoteMixtureOfExperts mixture = mixture(MixturePolicy.DEFAULT);

        assertClose(gradient(mixture), gradientOfTheFirst());
        gradient(mixture);

        assertThat(second.forwards).hasValue(1);
    }

    @Test
    void forward_withASampleThatIsNotFinite_leavesTheOthersAsTheyAre() {
        RemoteMixtureOfExperts mixture = mixture(MixturePolicy.DEFAULT);
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            float[] expected = mixture.forward(tape, samples()).toFloatArray();
            NDArray samples = samples();
            samples.setRequiresGradient(false);
            samples.set(new NDIndex(1, 2), Float.NaN);

            float[] output = mixture.forward(tape, samples).toFloatArray();

            Arrays.fill(expected, WIDTH, 2 * WIDTH, Float.NaN);
            assertThat(output).containsExactly(expected);
        }
        assertThat(mixture.statistics().failedCalls()).isZero();
    }

    @Test
    void forward_ofSamplesThatAreAllNotFinite_saysWhy() {
        RemoteMixtureOfExperts mixture = mixture(MixturePolicy.DEFAULT);
        NDArray samples = arrays.manager().full(new Shape(ROWS, WIDTH), Float.NaN);

        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            assertThatThrownBy(() -> mixture.forward(tape, samples))
                    .isInstanceOf(PeerUnavailableException.class)
                    .hasMessageContaining("not finite");
        }
    }
}
