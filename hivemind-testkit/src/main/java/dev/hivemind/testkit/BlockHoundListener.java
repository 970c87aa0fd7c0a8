package dev.hivemind.testkit;

import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;
import reactor.blockhound.BlockHound;

/**
 * Reports every blocking call on a thread of Reactor or Netty to {@link BlockingCallExtension}, if the system property
 * {@value #PROPERTY} is true. It changes the whole virtual machine for good, so the build gives it a run of its own.
 */
public final class BlockHoundListener implements LauncherSessionListener {

    static final String PROPERTY = "hivemind.blockhound";

    @Override
    public void launcherSessionOpened(LauncherSession session) {
        if (Boolean.getBoolean(PROPERTY)) {
            BlockHound.install(BlockHoundListener::configure);
        }
    }

    private static void configure(BlockHound.Builder builder) {
        allowBriefLocks(builder);
        builder.blockingMethodCallback(BlockingCallExtension::report)
                // Reads a device that blocks in the first seconds after the machine's boot at most.
                .allowBlockingCallsInside("java.security.SecureRandom", "nextBytes")
                // Writes to a terminal or a file: whoever must not wait for it installs an asynchronous appender.
                .allowBlockingCallsInside("ch.qos.logback.classic.Logger", "callAppenders");
    }

    /**
     * Lets threads wait for each other to leave a critical section, as BlockHound does anyway for {@code synchronized}.
     * The JDK's executors and Netty's allocator need it, and only when two threads happen to meet, so that to forbid it
     * would fail tests at random. Waiting for something to happen, at a latch or a condition, stays forbidden.
     */
    private static void allowBriefLocks(BlockHound.Builder builder) {
        builder.allowBlockingCallsInside("java.util.concurrent.locks.ReentrantLock", "lock")
                .allowBlockingCallsInside("java.util.concurrent.locks.StampedLock", "readLock")
                .allowBlockingCallsInside("java.util.concurrent.locks.StampedLock", "writeLock");
    }
}
