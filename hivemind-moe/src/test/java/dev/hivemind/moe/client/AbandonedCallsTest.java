package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.TapeFixture.LEARNING_RATE;
import static dev.hivemind.moe.client.TapeFixture.ROWS;
import static dev.hivemind.moe.client.TapeFixture.WIDTH;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.TensorOps;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;

/** Calls that nobody waits for any more, and steps that end, leave nothing behind. */
class AbandonedCallsTest {

    @RegisterExtension
    final TapeFixture fixture = new TapeFixture();

    private final Swarm swarm = fixture.swarm();

    @Test
    void forward_asAMonoCancelledAtAnyMoment_leaksNothing() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.frozen());
        RemoteExpert expert = swarm.expert(0);
        NDArray input = fixture.random(1, ROWS, WIDTH);
        for (int round = 0; round < 1_000; round++) {
            expert.forward(fixture.manager(), new NDList(input))
                    .timeout(Duration.ofNanos(1 + 2_000L * round), Mono.empty())
                    .block(Swarm.TIMEOUT);
        }

        assertThat(expert.forward(fixture.manager(), new NDList(input)).block(Swarm.TIMEOUT))
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
    void steps_manyInARow_leaveNoArrayBehind() {
        swarm.host(0, 0, WIDTH, OptimizerConfig.sgd(LEARNING_RATE));
        RemoteExpert expert = swarm.expert(0);
        NDArray input = fixture.random(1, ROWS, WIDTH);
        for (int step = 0; step < 50; step++) {
            try (RemoteTape tape = RemoteTape.open(fixture.manager())) {
                tape.backward(tape.forward(expert, input).sum());
            }
        }

        // The input and its gradient are all that may remain.
        assertThat(fixture.manager().getManagedArrays()).hasSizeLessThanOrEqualTo(2 + 1);
    }
}
