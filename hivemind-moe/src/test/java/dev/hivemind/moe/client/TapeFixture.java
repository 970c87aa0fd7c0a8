package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.tensor.RandomArrays;
import dev.hivemind.moe.tensor.TensorOps;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Servers with experts, and a thread that computes, for tests of tapes. */
final class TapeFixture implements BeforeEachCallback, AfterEachCallback {

    static final int WIDTH = 16;
    static final int ROWS = 5;
    static final double LEARNING_RATE = 0.01;
    static final float TOLERANCE = 1e-5f;

    private final Swarm swarm = new Swarm();
    private NDManager manager;

    Swarm swarm() {
        return swarm;
    }

    NDManager manager() {
        return manager;
    }

    /** A leaf with numbers between -1 and 1. */
    NDArray random(long seed, long... shape) {
        return RandomArrays.leaf(manager, seed, shape);
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        manager.close();
        swarm.close();
        assertThat(TensorOps.isGradMode()).isFalse();
    }
}
