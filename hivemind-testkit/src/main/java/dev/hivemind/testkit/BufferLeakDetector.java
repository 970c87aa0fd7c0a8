package dev.hivemind.testkit;

import io.netty.util.ResourceLeakDetector;
import io.netty.util.ResourceLeakDetectorFactory;
import io.netty.util.ResourceLeakTracker;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** Netty's leak detector at its most thorough, which keeps what it finds instead of logging it. */
final class BufferLeakDetector<T> extends ResourceLeakDetector<T> {

    private static final Queue<String> LEAKS = new ConcurrentLinkedQueue<>();
    private static volatile boolean used;

    private BufferLeakDetector(Class<T> resource, int samplingInterval) {
        super(resource, samplingInterval);
    }

    /** Takes effect for the classes of Netty that are loaded afterwards. */
    static void install() {
        setLevel(Level.PARANOID);
        ResourceLeakDetectorFactory.setResourceLeakDetectorFactory(new ResourceLeakDetectorFactory() {
            @Override
            @SuppressWarnings("deprecation")
            public <T> ResourceLeakDetector<T> newResourceLeakDetector(
                    Class<T> resource, int samplingInterval, long maxActive) {
                used = true;
                return new BufferLeakDetector<>(resource, samplingInterval);
            }
        });
    }

    /** Whether anything that can leak was made so far. */
    static boolean isUsed() {
        return used;
    }

    /** The leaks that were found since the last call. */
    static List<String> drainLeaks() {
        List<String> leaks = new ArrayList<>();
        for (String leak = LEAKS.poll(); leak != null; leak = LEAKS.poll()) {
            leaks.add(leak);
        }
        return leaks;
    }

    @Override
    public @Nullable ResourceLeakTracker<T> track(T resource) {
        return BufferCensus.enter(resource, BufferAccount.enter(super.track(resource)));
    }

    @Override
    public @Nullable ResourceLeakTracker<T> trackForcibly(T resource) {
        return BufferCensus.enter(resource, BufferAccount.enter(super.trackForcibly(resource)));
    }

    @Override
    protected void reportTracedLeak(String resourceType, String records) {
        LEAKS.add(resourceType + records);
    }

    @Override
    protected void reportUntracedLeak(String resourceType) {
        LEAKS.add(resourceType);
    }

    @Override
    protected boolean needReport() {
        return true;
    }
}
