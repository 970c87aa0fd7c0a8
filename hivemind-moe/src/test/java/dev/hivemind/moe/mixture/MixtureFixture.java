package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.tensor.ManagedArrays;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A swarm, and mixtures of its experts whose arrays die with the test. */
final class MixtureFixture implements BeforeEachCallback, AfterEachCallback {

    final Swarm swarm = new Swarm();

    private final ManagedArrays arrays = new ManagedArrays();

    NDManager manager() {
        return arrays.manager();
    }

    RemoteMixtureOfExperts.Builder mixture(String grid, int inFeatures) {
        return RemoteMixtureOfExperts.builder(swarm.client(), manager())
                .grid(grid)
                .inFeatures(inFeatures);
    }

    RemoteSwitchMixtureOfExperts.Builder switching(String grid, int inFeatures) {
        return RemoteSwitchMixtureOfExperts.builder(swarm.client(), manager())
                .grid(grid)
                .inFeatures(inFeatures);
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        arrays.beforeEach(context);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        swarm.close();
        arrays.afterEach(context);
    }
}
