package dev.hivemind.testkit;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;
import static org.junit.platform.testkit.engine.EventConditions.event;
import static org.junit.platform.testkit.engine.EventConditions.finishedSuccessfully;
import static org.junit.platform.testkit.engine.EventConditions.finishedWithFailure;
import static org.junit.platform.testkit.engine.TestExecutionResultConditions.message;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Events;

class TrackedBuffersTest {

    private static final List<ByteBuf> KEPT = new ArrayList<>();

    @AfterEach
    void release() {
        KEPT.forEach(ByteBuf::release);
        KEPT.clear();
    }

    private static Events run(String method) {
        return EngineTestKit.engine("junit-jupiter")
                .selectors(selectMethod(Examples.class, method))
                .execute()
                .testEvents();
    }

    @ParameterizedTest
    @ValueSource(strings = {"keepDirect", "keepHeap", "keepComposite", "keepOneOfTwo", "keepAfterRetain"})
    void afterEach_ofATestThatKeepsABuffer_failsAndNamesTheLine(String method) {
        run(method)
                .assertThatEvents()
                .haveExactly(
                        1,
                        event(finishedWithFailure(
                                message(text -> text.startsWith("1 buffers") && text.contains("Examples." + method)))));
    }

    @ParameterizedTest
    @ValueSource(strings = {"releaseHere", "releaseElsewhere", "keepOfOtherThread", "keepWrapped", "countReleased"})
    void afterEach_ofATestThatOwesNothing_passes(String method) {
        run(method).assertThatEvents().haveExactly(1, event(finishedSuccessfully()));
    }

    static class Examples {

        @RegisterExtension
        final TrackedBuffers buffers = new TrackedBuffers();

        @Test
        void keepDirect() {
            KEPT.add(ByteBufAllocator.DEFAULT.directBuffer(8));
        }

        @Test
        void keepHeap() {
            KEPT.add(ByteBufAllocator.DEFAULT.heapBuffer(8));
        }

        @Test
        void keepComposite() {
            KEPT.add(ByteBufAllocator.DEFAULT.compositeBuffer().addComponent(Unpooled.wrappedBuffer(new byte[8])));
        }

        @Test
        void keepOneOfTwo() {
            ByteBufAllocator.DEFAULT.buffer(8).release();
            KEPT.add(ByteBufAllocator.DEFAULT.buffer(8));
        }

        @Test
        void keepAfterRetain() {
            ByteBuf buffer = ByteBufAllocator.DEFAULT.buffer(8);
            KEPT.add(buffer.retainedSlice());
            buffer.release();
        }

        @Test
        void releaseHere() {
            ByteBufAllocator.DEFAULT.buffer(8).release();
        }

        @Test
        void releaseElsewhere() throws InterruptedException {
            ByteBuf buffer = ByteBufAllocator.DEFAULT.buffer(8);
            runElsewhere(buffer::release);
        }

        @Test
        void keepOfOtherThread() throws InterruptedException {
            runElsewhere(() -> KEPT.add(ByteBufAllocator.DEFAULT.buffer(8)));
        }

        @Test
        void keepWrapped() {
            KEPT.add(Unpooled.wrappedBuffer(new byte[8]));
        }

        @Test
        void countReleased() {
            ByteBufAllocator.DEFAULT.buffer(8).release();
            ByteBufAllocator.DEFAULT.directBuffer(8).release();
            if (buffers.allocated() != 2) {
                throw new AssertionError(buffers.allocated() + " buffers were counted");
            }
        }

        private static void runElsewhere(Runnable work) throws InterruptedException {
            var thread = new Thread(work);
            thread.start();
            thread.join();
        }
    }
}
