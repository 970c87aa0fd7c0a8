package dev.hivemind.testkit;

import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Fails a test class after which a reference-counted buffer was collected without having been released, and shows where
 * the buffer was allocated and used.
 *
 * <p>JUnit registers it for every test class of a module that has this jar. It costs two garbage collections per class,
 * and nothing until the first buffer is allocated. A buffer that something still holds is not seen until it is let go, at
 * worst by a later class; {@link TrackedBuffers} is exact.
 */
public final class BufferLeakExtension implements AfterAllCallback {

    static {
        BufferLeakDetector.install();
    }

    @Override
    public void afterAll(ExtensionContext context) {
        boolean nested = AnnotationSupport.isAnnotated(context.getRequiredTestClass(), Nested.class);
        if (nested || !BufferLeakDetector.isUsed()) {
            return;
        }
        LeakProbe.collectGarbage();
        List<String> leaks = BufferLeakDetector.drainLeaks();
        if (!leaks.isEmpty()) {
            throw new AssertionError("A buffer was not released:\n" + String.join("\n", leaks));
        }
    }
}
