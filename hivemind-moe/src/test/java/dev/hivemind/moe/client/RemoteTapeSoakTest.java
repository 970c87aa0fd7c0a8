package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ResidentSet;
import dev.hivemind.moe.tensor.TensorOps;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Memory over many steps. Runs with {@code -Psoak}. */
@Tag("soak")
class RemoteTapeSoakTest {

    private static final int WARM_UP_STEPS = 3_000;
    private static final int STEPS = 10_000;
    private static final long MAX_GROWTH_KIB = 30 * 1_024;

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "reads the resident set from /proc")
    void steps_tenThousand_keepTheResidentSet() {
        TensorOps.prepareThread(1);
        try (var swarm = new Swarm().host(0, 0, 64, OptimizerConfig.adam(1e-3));
                NDManager manager = TensorOps.newManager()) {
            RemoteExpert expert = swarm.expert(0);
            NDArray input = manager.ones(new Shape(64, 64));
            train(manager, expert, input, WARM_UP_STEPS);
            long before = ResidentSet.kib();

            train(manager, expert, input, STEPS);

            assertThat(ResidentSet.kib() - before).isLessThan(MAX_GROWTH_KIB);
        }
    }

    private static void train(NDManager manager, RemoteExpert expert, NDArray input, int steps) {
        for (int step = 0; step < steps; step++) {
            try (RemoteTape tape = RemoteTape.open(manager)) {
                tape.backward(tape.forward(expert, input).square().mean());
            }
        }
    }
}
