package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.TapeFixture.LEARNING_RATE;
import static dev.hivemind.moe.client.TapeFixture.ROWS;
import static dev.hivemind.moe.client.TapeFixture.WIDTH;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.error.UnknownExpertException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** What a tape refuses, and what becomes of it when calls fail. */
class RemoteTapeTest {

    @RegisterExtension
    final TapeFixture fixture = new TapeFixture();

    private final Swarm swarm = fixture.swarm();

    @Test
    void open_onAThreadThatMustNotBlock_isRefused() {
        assertThatThrownBy(() -> Mono.fromCallable(() -> RemoteTape.open(fixture.manager()))
                        .subscribeOn(Schedulers.parallel())
                        .block(Swarm.TIMEOUT))
                .hasMessageContaining("a thread of your own");
    }

    @Test
    void forward_onAnotherThread_isRefused() throws InterruptedException {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            var failure = new AtomicReference<Throwable>();
            Thread stranger = new Thread(() -> {
                try {
                    tape.forward(expert, fixture.random(1, ROWS, WIDTH));
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
    void close_beforeATapeThatWasOpenedLater_isRefused() {
        try (RemoteTape outer = RemoteTape.open(fixture.manager());
                RemoteTape inner = RemoteTape.open(fixture.manager())) {
            assertThatThrownBy(outer::close).isInstanceOf(IllegalStateException.class);
            assertThat(inner.manager().isOpen()).isTrue();
        }
    }

    @Test
    void backward_aSecondTime_isRefused() {
        NDArray input = fixture.random(1, ROWS, WIDTH);
        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            tape.backward(input.sum());

            assertThatThrownBy(() -> tape.backward(input.sum()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("once");
        }
    }

    @Test
    void forward_withGradModeSwitchedOff_isNotRecorded() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        NDArray input = fixture.random(1, ROWS, WIDTH);

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDArray unrecorded = TensorOps.withGradMode(false, () -> tape.forward(swarm.expert(0), input));
            tape.backward(input.mul(unrecorded).sum());
        }

        assertThat(swarm.backend(0).optimizer().steps()).isZero();
    }

    @Test
    void forward_whoseInputListIsClearedLater_stillGoesBackward() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        NDList inputs = new NDList(fixture.random(1, ROWS, WIDTH));
        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDArray output = tape.forward(swarm.expert(0), inputs).singletonOrThrow();
            inputs.clear();
            tape.backward(output.sum());
        }

        assertThat(swarm.backend(0).optimizer().steps()).isEqualTo(1);
    }

    @Test
    void forward_withTheWrongWidth_namesItAndLeavesTheTapeUsable() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            assertThatThrownBy(() -> tape.forward(expert, fixture.random(1, 3, 11)))
                    .isInstanceOf(SchemaMismatchException.class)
                    .hasMessageContaining("11");
            assertThat(tape.forward(expert, fixture.random(1, 3, WIDTH)).getShape())
                    .isEqualTo(new Shape(3, WIDTH));
        }
    }

    @Test
    void forward_whenTheTimeOfTheTapeIsOver_fails() {
        ScriptedPeers peers = new ScriptedPeers();
        try {
            RemoteExpert silent =
                    peers.expert(peers.peer(ScriptedPeers.schema(true), (caller, request) -> Mono.never()));
            try (RemoteTape tape = RemoteTape.open(fixture.manager(), Duration.ofMillis(300))) {
                assertThatThrownBy(() -> tape.forward(silent, fixture.random(1, ROWS, ScriptedPeers.WIDTH)))
                        .isInstanceOf(DeadlineExceededException.class);
            }
        } finally {
            peers.afterEach(null);
        }
    }

    @Test
    void backward_afterTheServerDied_isUnavailable() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);

        try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
            NDArray output = tape.forward(expert, fixture.random(1, ROWS, WIDTH));
            swarm.kill(0);
            assertThatThrownBy(() -> tape.backward(output.sum())).isInstanceOf(PeerUnavailableException.class);
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
    void info_ofAnExpert_isItsSchema() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());

        var schema = swarm.expert(0).info().block(Swarm.TIMEOUT);

        assertThat(schema.trainable()).isFalse();
        assertThat(schema.inputs())
                .singleElement()
                .satisfies(input -> assertThat(input.shape()).containsExactly(-1L, (long) WIDTH));
    }
}
