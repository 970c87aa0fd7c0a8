package dev.hivemind.testkit;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test that ends before every buffer that its thread allocated was released, and shows where each came from.
 * Exact and at once: it keeps an account of allocations instead of waiting for the garbage collector.
 *
 * <p>For tests that work on one thread, such as those of codecs. Register it on a field with
 * {@code @RegisterExtension}. It sees what allocators hand out, direct or not, and composite buffers; not the arrays that
 * {@code Unpooled} wraps or allocates on the heap, which need no release.
 */
public final class TrackedBuffers implements BeforeEachCallback, AfterEachCallback {

    static {
        BufferLeakDetector.install();
    }

    private static final int ALLOCATED_BY_CHECK = 1;

    private @Nullable BufferAccount account;

    @Override
    public void beforeEach(ExtensionContext context) {
        account = BufferAccount.open();
        requireSight(account);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        if (account == null) {
            return;
        }
        List<String> unreleased = account.close();
        if (!unreleased.isEmpty()) {
            throw new AssertionError("%d buffers of the test were not released:%s"
                    .formatted(unreleased.size(), String.join("\n", unreleased)));
        }
    }

    /** How many buffers the test's thread has allocated by now, on the test's thread. Those released count as well. */
    public int allocated() {
        return account == null ? 0 : account.entries() - ALLOCATED_BY_CHECK;
    }

    /** A check that saw nothing would always pass. */
    private static void requireSight(BufferAccount account) {
        ByteBuf buffer = ByteBufAllocator.DEFAULT.directBuffer(1);
        int seen = account.size();
        buffer.release();
        if (seen != 1) {
            throw new IllegalStateException("Netty was used before its leak detector could be replaced");
        }
    }
}
