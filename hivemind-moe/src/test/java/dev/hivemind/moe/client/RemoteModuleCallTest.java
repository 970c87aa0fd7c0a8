package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertFactories;
import dev.hivemind.moe.expert.ExpertOptions;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/** What callers of Python's hivemind rely on when they call an expert. */
class RemoteModuleCallTest {

    private static final int WIDTH = 16;
    private static final float TOLERANCE = 1e-5f;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    @RegisterExtension
    final ScriptedPeers peers = new ScriptedPeers();

    private final Swarm swarm = new Swarm();

    @AfterEach
    void close() {
        swarm.close();
    }

    private NDArray random(long seed, int rows) {
        var random = new SplittableRandom(seed);
        float[] values = new float[rows * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        return arrays.manager().create(values, new Shape(rows, WIDTH));
    }

    private NDArray forward(RemoteExpert expert, NDArray input) {
        return expert.forward(arrays.manager(), new NDList(input))
                .block(Swarm.TIMEOUT)
                .singletonOrThrow();
    }

    @Test
    void forward_ofOneRowAndOfThree_hasTheShapeOfItsInput() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());

        assertThat(forward(swarm.expert(0), random(1, 1)).getShape()).isEqualTo(new Shape(1, WIDTH));
        assertThat(forward(swarm.expert(0), random(1, 3)).getShape()).isEqualTo(new Shape(3, WIDTH));
    }

    @Test
    void forward_ofASlice_isTheSliceOfTheForward() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        NDArray input = random(1, 3);

        NDArray whole = forward(swarm.expert(0), input);
        NDArray slice = forward(swarm.expert(0), input.get("1:2"));

        assertThat(slice.toFloatArray())
                .usingComparatorWithPrecision(TOLERANCE)
                .containsExactly(whole.get("1:2").toFloatArray());
    }

    @Test
    void backward_throughAnExpert_givesTheInputAGradientThatIsNotZero() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(0.01));
        NDArray input = random(1, 3);
        input.setRequiresGradient(true);

        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            NDArray weight = random(2, 3);
            tape.backward(tape.forward(swarm.expert(0), input).mul(weight).sum());
        }

        assertThat(input.getGradient().norm().getFloat()).isPositive();
    }

    @Test
    void server_afterABadCallAndAnUnknownName_stillAnswers() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);

        assertThatThrownBy(() -> forward(expert, arrays.manager().ones(new Shape(3, 11))))
                .isInstanceOf(SchemaMismatchException.class)
                .hasMessageContaining("11");
        assertThatThrownBy(() -> swarm.client().expert(new ExpertUid("ffn.99")).block(Swarm.TIMEOUT))
                .isInstanceOf(UnknownExpertException.class);
        assertThat(forward(expert, random(1, 3)).getShape()).isEqualTo(new Shape(3, WIDTH));
    }

    @Test
    void deterministicDropout_runTwice_givesEqualOutputsAndGradients() {
        swarm.hostOne(
                "dropout.0",
                ExpertFactories.named("det_dropout").create(new ExpertOptions(WIDTH, 1)),
                OptimizerConfig.frozen());
        RemoteExpert expert = swarm.client().expert(new ExpertUid("dropout.0")).block(Swarm.TIMEOUT);

        List<float[]> first = outputsAndGradient(expert);
        List<float[]> second = outputsAndGradient(expert);

        for (int i = 0; i < 2; i++) {
            assertThat(second.get(i)).usingComparatorWithPrecision(TOLERANCE).containsExactly(first.get(i));
        }
        assertThat(first.get(1)).contains(0f);
    }

    private List<float[]> outputsAndGradient(RemoteExpert expert) {
        NDArray input = random(1, 3);
        input.setRequiresGradient(true);
        NDArray mask = random(2, 3).gt(arrays.manager().create(-0.6f)).toType(DataType.BOOLEAN, false);
        try (RemoteTape tape = RemoteTape.open(arrays.manager())) {
            NDArray output = tape.forward(expert, new NDList(input, mask)).singletonOrThrow();
            tape.backward(output.square().sum());
            return List.of(output.toFloatArray(), input.getGradient().toFloatArray());
        }
    }

    @Test
    void calls_tenFromEachOfFourThreads_areUnderWayAllAtOnce() {
        var arrived = new AtomicInteger();
        Sinks.Empty<Void> all = Sinks.empty();
        var peer = peers.peer(
                ScriptedPeers.schema(true),
                (caller, request) -> Mono.defer(() -> {
                    if (arrived.incrementAndGet() == 40) {
                        all.tryEmitEmpty();
                    }
                    return all.asMono().then(Mono.fromSupplier(() -> ScriptedPeers.echo(request)));
                }));
        RemoteExpert expert = peers.expert(peer);

        Long answers = Flux.range(0, 4)
                .flatMap(caller -> Flux.range(0, 10)
                        .flatMap(i -> expert.forward(
                                arrays.manager(), new NDList(arrays.manager().ones(new Shape(1, ScriptedPeers.WIDTH)))))
                        .subscribeOn(Schedulers.boundedElastic()))
                .count()
                .block(Swarm.TIMEOUT);

        assertThat(answers).isEqualTo(40);
    }
}
