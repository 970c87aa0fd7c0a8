package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.rsocket.Payload;
import io.rsocket.util.ByteBufPayload;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Flux;

/**
 * Whatever payloads a peer sends on a channel: they are messages as long as their headers announce, or end in a typed
 * error, and nothing is held afterwards.
 *
 * <p>Runs the committed inputs; with {@code JAZZER_FUZZ=1} in the environment it searches for new ones.
 */
class MessageAssemblerFuzzTest {

    private static final PeerId PEER = PeerIdentity.generate().id();
    private static final long BUDGET = 1L << 20;

    @FuzzTest(maxDuration = "1m")
    void subscribe_toAnyPayloads_emitsWholeMessagesOrFails(byte[] bytes) {
        var budget = new ByteBudget(BUDGET);
        var limits = new BodyIntake.Limits(budget, PEER, Duration.ofHours(1));
        List<ByteBuf> sent = new ArrayList<>();

        new MessageAssembler(payloads(ByteBuffer.wrap(bytes), sent), limits)
                .doOnNext(MessageAssemblerFuzzTest::checkAndRelease)
                .onErrorComplete(RpcException.class)
                .blockLast();

        assertThat(budget.heldBytes()).isZero();
        assertThat(sent).allMatch(buffer -> buffer.refCnt() == 0);
    }

    private static void checkAndRelease(Message message) {
        int announced = message.header().bodyBytes();
        int tensors = message.header().tensors().stream()
                .mapToInt(TensorDescriptor::wireBytes)
                .sum();
        assertThat(message.body().readableBytes()).isIn(announced, tensors);
        message.release();
    }

    /** Each is made of five bytes: its kind, then two numbers. */
    private static Flux<Payload> payloads(ByteBuffer recipe, List<ByteBuf> sent) {
        return Flux.generate(next -> {
            if (recipe.remaining() < 5) {
                next.complete();
            } else {
                next.next(payload(recipe.get(), recipe.getShort(), recipe.getShort(), sent));
            }
        });
    }

    private static Payload payload(byte kind, short announced, short arrives, List<ByteBuf> sent) {
        ByteBuf data = tracked(Unpooled.buffer().writeZero(arrives & 0x3fff), sent);
        return switch (kind & 3) {
            case 0 -> ByteBufPayload.create(data);
            case 1 -> ByteBufPayload.create(data, tracked(Unpooled.copyShort(announced), sent));
            case 2 -> ByteBufPayload.create(data, tracked(FrameCodec.encode(header(announced & 0xffff)), sent));
            default ->
                ByteBufPayload.create(
                        data,
                        tracked(FrameCodec.encode(header(announced & 0xffff).announcing(announced & 0xffff)), sent));
        };
    }

    private static ByteBuf tracked(ByteBuf buffer, List<ByteBuf> sent) {
        sent.add(buffer);
        return buffer;
    }

    private static FrameHeader header(int bytes) {
        return new FrameHeader(
                Operation.EXPERT_FORWARD,
                "x",
                CallId.random(),
                Deadline.NEVER,
                0,
                List.of(TensorDescriptor.of(ElementType.UINT8, bytes)));
    }
}
