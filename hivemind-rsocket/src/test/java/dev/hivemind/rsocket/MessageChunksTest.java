package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.rsocket.Payload;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;
import reactor.test.publisher.TestPublisher;

class MessageChunksTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final TestPublisher<Message> messages = TestPublisher.create();
    private final MessageChunks chunks = new MessageChunks(messages.flux(), new ConnectionPoolTest.OpenWindow());

    private static Message message() {
        Request request = Request.ofTensors(Operation.EXPERT_FORWARD, "x", TIMEOUT, List.of(frame()));
        return new Message(request.header(), request.body());
    }

    private static TensorFrame frame() {
        return Bodies.frame(3 * MessageChunks.MAX_CHUNK_BYTES);
    }

    @Test
    void end_whileTheSourceGoesOn_completesAndCancelsIt() {
        StepVerifier.create(chunks).then(chunks::end).expectComplete().verify(TIMEOUT);

        messages.assertCancelled();
    }

    @Test
    void end_insideOfABody_releasesIt() {
        Message message = message();

        StepVerifier.create(chunks, 1)
                .then(() -> messages.next(message))
                .consumeNextWith(Payload::release)
                .then(chunks::end)
                .expectComplete()
                .verify(TIMEOUT);

        assertThat(message.body().refCnt()).isZero();
    }

    @Test
    void end_beforeAnybodySubscribed_completesAtOnce() {
        chunks.end();

        StepVerifier.create(chunks).expectComplete().verify(TIMEOUT);
        messages.assertCancelled();
    }
}
