package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import dev.hivemind.moe.tensor.DeviceScheduler;
import dev.hivemind.rsocket.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class DecodedReplyTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final DeviceScheduler thread = DeviceScheduler.create("test-tensors", 1);
    private final CountDownLatch free = new CountDownLatch(1);
    private final ByteBuf body = Unpooled.buffer();
    private final HeldReply reply = new HeldReply(new Reply(List.of(), body));

    @AfterEach
    void endThread() {
        free.countDown();
        thread.dispose();
    }

    private void occupyThread() {
        thread.scheduler().schedule(() -> {
            try {
                free.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    private Mono<NDList> decoded() {
        return DecodedReply.on(thread.scheduler(), reply, taken -> new NDList());
    }

    @Test
    void decoded_whenTheThreadEndsWhileTheReplyWaitsForIt_isThere() {
        occupyThread();

        StepVerifier.create(decoded())
                .then(thread::disposeAfterTasks)
                .then(free::countDown)
                .expectNextCount(1)
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(body.refCnt()).isZero();
    }

    @Test
    void decoded_afterTheThreadEnded_isAnErrorAndReleasesTheReply() {
        thread.disposeAfterTasks();

        StepVerifier.create(decoded()).expectError(IllegalStateException.class).verify(TIMEOUT);
        assertThat(body.refCnt()).isZero();
    }

    @Test
    void decoded_cancelledWhileItWaits_releasesTheReply() {
        occupyThread();

        StepVerifier.create(decoded()).thenCancel().verify(TIMEOUT);

        assertThat(body.refCnt()).isZero();
    }
}
