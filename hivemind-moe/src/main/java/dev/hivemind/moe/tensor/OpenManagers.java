package dev.hivemind.moe.tensor;

import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The managers that belong to no other and are not closed yet. Native memory is freed by closing alone, never by the
 * garbage collector, so that what stays here for long is a leak. Thread-safe.
 */
final class OpenManagers {

    private static final String RESOURCE = "open-manager";

    private static final Map<NDManager, List<StackTraceElement>> OPEN = new ConcurrentHashMap<>();

    private static volatile boolean recordsOrigins;

    private OpenManagers() {}

    /** Counts a manager from now until it is closed. */
    static NDManager track(NDManager manager) {
        OPEN.put(manager, recordsOrigins ? List.of(new Throwable().getStackTrace()) : List.of());
        manager.attachInternal(RESOURCE, () -> OPEN.remove(manager));
        return manager;
    }

    /** From now on a stack trace is kept for every manager, which takes microseconds each. */
    static void recordOrigins() {
        recordsOrigins = true;
    }

    static int count() {
        return OPEN.size();
    }

    /** Each open manager, with the stack trace of where it was made if such are kept. */
    static Map<NDManager, List<StackTraceElement>> origins() {
        return Map.copyOf(OPEN);
    }
}
