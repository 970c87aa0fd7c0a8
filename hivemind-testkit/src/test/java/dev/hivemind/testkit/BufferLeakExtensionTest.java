package dev.hivemind.testkit;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.testkit.engine.EventConditions.container;
import static org.junit.platform.testkit.engine.EventConditions.event;
import static org.junit.platform.testkit.engine.EventConditions.finishedWithFailure;
import static org.junit.platform.testkit.engine.TestExecutionResultConditions.instanceOf;
import static org.junit.platform.testkit.engine.TestExecutionResultConditions.message;

import io.netty.buffer.ByteBufAllocator;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Events;

/** Nothing here registers the extension: what this jar ships has to. */
class BufferLeakExtensionTest {

    private static Events containersOf(Class<?> testClass) {
        return EngineTestKit.engine("junit-jupiter")
                .enableImplicitConfigurationParameters(true)
                .selectors(selectClass(testClass))
                .execute()
                .containerEvents();
    }

    @Test
    void afterAll_ofAClassThatLosesADirectBuffer_failsAndNamesTheLine() {
        containersOf(LosesDirectBuffer.class)
                .assertThatEvents()
                .haveExactly(
                        1,
                        event(
                                container(LosesDirectBuffer.class),
                                finishedWithFailure(
                                        instanceOf(AssertionError.class),
                                        message(text -> text.contains("LosesDirectBuffer.lose")))));
    }

    @Test
    void afterAll_ofAClassThatLosesAHeapBuffer_fails() {
        containersOf(LosesHeapBuffer.class).assertStatistics(statistics -> statistics.failed(1));
    }

    @Test
    void afterAll_ofAClassWhoseNestedClassLosesABuffer_failsOnce() {
        containersOf(LosesBufferInNestedClass.class)
                .assertStatistics(statistics -> statistics.failed(1))
                .assertThatEvents()
                .haveExactly(1, event(container(LosesBufferInNestedClass.class), finishedWithFailure()));
    }

    @Test
    void afterAll_ofAClassThatReleasesItsBuffers_passes() {
        containersOf(ReleasesBuffer.class).assertStatistics(statistics -> statistics.failed(0));
    }

    static class LosesDirectBuffer {
        @Test
        void lose() {
            ByteBufAllocator.DEFAULT.directBuffer(8);
        }
    }

    static class LosesHeapBuffer {
        @Test
        void lose() {
            ByteBufAllocator.DEFAULT.heapBuffer(8);
        }
    }

    static class LosesBufferInNestedClass {
        @Nested
        class Inner {
            @Test
            void lose() {
                ByteBufAllocator.DEFAULT.buffer(8);
            }
        }
    }

    static class ReleasesBuffer {
        @Test
        void release() {
            ByteBufAllocator.DEFAULT.buffer(8).release();
        }
    }
}
