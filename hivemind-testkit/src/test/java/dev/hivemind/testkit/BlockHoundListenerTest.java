package dev.hivemind.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.resources.LoopResources;
import reactor.test.StepVerifier;

@EnabledIfSystemProperty(named = BlockHoundListener.PROPERTY, matches = "true")
class BlockHoundListenerTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final LoopResources loops = LoopResources.create("test", 1, true);

    @AfterEach
    void close() {
        loops.disposeLater(Duration.ZERO, TIMEOUT).block(TIMEOUT);
    }

    /** Parks once for certain: a latch with a time limit does not, when the thread is held up for that long before. */
    private static boolean waitABit() {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        return true;
    }

    private static void waitOn(Scheduler scheduler) {
        StepVerifier.create(Mono.fromCallable(BlockHoundListenerTest::waitABit).subscribeOn(scheduler))
                .expectNext(true)
                .expectComplete()
                .verify(TIMEOUT);
    }

    private static void assertFails() {
        assertThatThrownBy(() -> new BlockingCallExtension().afterAll(null))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("BlockHoundListenerTest.waitABit");
    }

    @Test
    void blockingCall_onAParallelThread_failsTheTestClass() {
        waitOn(Schedulers.parallel());

        assertFails();
    }

    @Test
    void blockingCall_onAnEventLoop_failsTheTestClass() {
        waitOn(Schedulers.fromExecutorService(
                loops.onServer(LoopResources.DEFAULT_NATIVE).next()));

        assertFails();
    }

    @Test
    void blockingCall_onAThreadThatMayBlock_passes() {
        waitOn(Schedulers.boundedElastic());

        assertThat(BlockingCallExtension.drain()).isEmpty();
    }
}
