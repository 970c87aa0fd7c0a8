package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDManager;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Fails a test class that leaves a manager open, and with it the native memory of every array made there; shows where
 * the manager was made. JUnit registers it for every test class that has this module's test jar.
 */
public final class TensorLeakExtension implements BeforeAllCallback, AfterAllCallback {

    static {
        OpenManagers.recordOrigins();
    }

    private final Set<NDManager> before = new HashSet<>();

    @Override
    public void beforeAll(ExtensionContext context) {
        if (isOutermost(context)) {
            before.addAll(OpenManagers.origins().keySet());
        }
    }

    @Override
    public void afterAll(ExtensionContext context) {
        if (isOutermost(context)) {
            OpenManagers.origins().entrySet().stream()
                    .filter(open -> !before.contains(open.getKey()))
                    .findFirst()
                    .ifPresent(TensorLeakExtension::fail);
        }
    }

    private static boolean isOutermost(ExtensionContext context) {
        return !AnnotationSupport.isAnnotated(context.getRequiredTestClass(), Nested.class);
    }

    private static void fail(Map.Entry<NDManager, List<StackTraceElement>> leak) {
        var origin = new Throwable("The manager was made here");
        origin.setStackTrace(leak.getValue().toArray(StackTraceElement[]::new));
        throw new AssertionError(
                "A manager of %d arrays was not closed"
                        .formatted(leak.getKey().getManagedArrays().size()),
                origin);
    }
}
