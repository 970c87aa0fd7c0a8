package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDManager;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Prepares the test's thread for tensors, and offers a manager that dies with the test. */
public final class ManagedArrays implements BeforeEachCallback, AfterEachCallback {

    private NDManager manager;

    @Override
    public void beforeEach(ExtensionContext context) {
        TensorOps.prepareThread(1);
        manager = TensorOps.newManager();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        TensorOps.setGradMode(false);
        manager.close();
    }

    public NDManager manager() {
        return manager;
    }

    /** How many arrays the test's manager holds itself. */
    public int count() {
        return manager.getManagedArrays().size();
    }
}
