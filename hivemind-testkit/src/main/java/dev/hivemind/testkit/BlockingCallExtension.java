package dev.hivemind.testkit;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.blockhound.BlockingMethod;
import reactor.blockhound.BlockingOperationError;

/**
 * Fails a test class during which a thread of Reactor or Netty blocked, and shows where. Without effect unless
 * {@link BlockHoundListener} is on.
 *
 * <p>The call itself goes on: an error in its place would often be swallowed by the code around, or leave that code, which
 * may be a library's, in a state that fails later tests.
 */
public final class BlockingCallExtension implements AfterAllCallback {

    private static final Queue<BlockingOperationError> CALLS = new ConcurrentLinkedQueue<>();

    @Override
    public void afterAll(ExtensionContext context) {
        List<BlockingOperationError> calls = drain();
        if (!calls.isEmpty()) {
            var report = new StringWriter();
            var writer = new PrintWriter(report);
            calls.forEach(call -> call.printStackTrace(writer));
            throw new AssertionError("A thread that must not block did:\n" + report);
        }
    }

    /** Keeps a blocking call of the current thread for the end of the test class. */
    static void report(BlockingMethod method) {
        CALLS.add(new BlockingOperationError(method));
    }

    /** The blocking calls since the last one of this method. */
    static List<BlockingOperationError> drain() {
        List<BlockingOperationError> calls = new ArrayList<>();
        for (BlockingOperationError call = CALLS.poll(); call != null; call = CALLS.poll()) {
            calls.add(call);
        }
        return calls;
    }
}
