package dev.hivemind.testkit;

import io.netty.util.ResourceLeakTracker;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The buffers that one thread allocated while the account was open, without those that anyone released since. */
final class BufferAccount {

    private static final ThreadLocal<@Nullable BufferAccount> OPEN = new ThreadLocal<>();

    private final Set<ResourceLeakTracker<?>> unreleased = ConcurrentHashMap.newKeySet();
    private final AtomicInteger entries = new AtomicInteger();

    private BufferAccount() {}

    /** Opens the calling thread's account, in place of an earlier one. */
    static BufferAccount open() {
        var account = new BufferAccount();
        OPEN.set(account);
        return account;
    }

    /** Ends the calling thread's account, and returns where each buffer that is unreleased by now came from. */
    List<String> close() {
        OPEN.remove();
        return unreleased.stream().map(Object::toString).toList();
    }

    int size() {
        return unreleased.size();
    }

    /** How many buffers there were, released or not. */
    int entries() {
        return entries.get();
    }

    /** Writes a new buffer into the calling thread's account, if it has one. */
    static <T> @Nullable ResourceLeakTracker<T> enter(@Nullable ResourceLeakTracker<T> tracker) {
        BufferAccount account = OPEN.get();
        if (account == null || tracker == null) {
            return tracker;
        }
        account.entries.incrementAndGet();
        account.unreleased.add(tracker);
        return new Entry<>(tracker, account.unreleased);
    }

    /** A tracker that strikes itself out of the account when its buffer is released. */
    private record Entry<T>(ResourceLeakTracker<T> tracker, Set<ResourceLeakTracker<?>> unreleased)
            implements ResourceLeakTracker<T> {

        @Override
        public void record() {
            tracker.record();
        }

        @Override
        public void record(Object hint) {
            tracker.record(hint);
        }

        @Override
        public boolean close(T resource) {
            unreleased.remove(tracker);
            return tracker.close(resource);
        }

        @Override
        public @Nullable Throwable getCloseStackTraceIfAny() {
            return tracker.getCloseStackTraceIfAny();
        }
    }
}
