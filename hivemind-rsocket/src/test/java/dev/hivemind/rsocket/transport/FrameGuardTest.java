package dev.hivemind.rsocket.transport;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.testkit.TrackedBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.rsocket.exceptions.ConnectionErrorException;
import io.rsocket.exceptions.RejectedSetupException;
import io.rsocket.frame.ErrorFrameCodec;
import io.rsocket.frame.KeepAliveFrameCodec;
import io.rsocket.frame.PayloadFrameCodec;
import io.rsocket.frame.RequestChannelFrameCodec;
import io.rsocket.frame.RequestNFrameCodec;
import io.rsocket.frame.RequestResponseFrameCodec;
import io.rsocket.frame.SetupFrameCodec;
import io.rsocket.util.DefaultPayload;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.netty.Connection;

class FrameGuardTest {

    private static final int MAX_FRAME_BYTES = 4_096;
    private static final ByteBufAllocator ALLOC = ByteBufAllocator.DEFAULT;
    private static final int M = 0x100;
    private static final int F = 0x80;
    private static final int N = 0x20;

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private final EmbeddedChannel channel = new EmbeddedChannel();

    @BeforeEach
    void install() {
        channel.freezeTime();
        Connection connection = Connection.from(channel);
        FrameGuard.install(connection, MAX_FRAME_BYTES);
    }

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
    }

    @Test
    void frames_ofEachKindInUse_pass() {
        receive(SetupFrameCodec.encode(ALLOC, false, 1, 2, "text/a", "text/b", DefaultPayload.create("data", "meta")));
        receive(KeepAliveFrameCodec.encode(ALLOC, true, 0, Unpooled.wrappedBuffer(new byte[1_024])));
        receive(RequestResponseFrameCodec.encodeReleasingPayload(ALLOC, 1, DefaultPayload.create("data", "meta")));
        receive(RequestChannelFrameCodec.encodeReleasingPayload(ALLOC, 3, true, 7, DefaultPayload.create("", "meta")));
        receive(PayloadFrameCodec.encodeNextReleasingPayload(ALLOC, 3, DefaultPayload.create("data")));
        receive(PayloadFrameCodec.encodeComplete(ALLOC, 3));
        receive(RequestNFrameCodec.encode(ALLOC, 3, Integer.MAX_VALUE));
        receive(ErrorFrameCodec.encode(ALLOC, 3, new IllegalStateException("failed")));
        receive(frame(1, 0x09, 0));

        assertThat(channel.isOpen()).isTrue();
        assertThat(channel.inboundMessages()).hasSize(9);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("malformed")
    void frame_thatIsMalformed_closesTheConnectionUnseen(String what, byte[] frame) {
        receive(Unpooled.wrappedBuffer(frame));

        assertThat(channel.isOpen()).as(what).isFalse();
        assertThat(channel.inboundMessages()).isEmpty();
    }

    static Stream<Arguments> malformed() {
        return Stream.of(
                row("nothing", new byte[0]),
                row("half a header", new byte[5]),
                row("no type", bytes(0, 0x00, 0, new byte[32])),
                row("a type that does not exist", bytes(0, 0x3e, 0, new byte[32])),
                row("LEASE", bytes(0, 0x02, 0, new byte[32])),
                row("METADATA_PUSH", bytes(0, 0x0c, M, new byte[32])),
                row("RESUME", bytes(0, 0x0d, 0, new byte[64])),
                row("an extension", bytes(0, 0x3f, 0, new byte[32])),
                row("SETUP cut in its numbers", bytes(0, 0x01, 0, new byte[11])),
                row("SETUP without MIME types", bytes(0, 0x01, 0, new byte[12])),
                row("SETUP with one MIME type", bytes(0, 0x01, 0, new byte[13])),
                row("SETUP with a MIME type beyond its end", bytes(0, 0x01, 0, withByte(16, 12, 100))),
                row("SETUP with a MIME type of a negative length", bytes(0, 0x01, 0, withByte(300, 12, 200))),
                row("SETUP with metadata beyond its end", bytes(0, 0x01, M, withByte(17, 16, 9))),
                row("SETUP with RESUME", bytes(0, 0x01, F, new byte[64])),
                row("KEEPALIVE without a position", bytes(0, 0x03, 0, new byte[7])),
                row("KEEPALIVE with more than 1 KiB", bytes(0, 0x03, 0, new byte[8 + 1_025])),
                row("KEEPALIVE of a stream", bytes(1, 0x03, 0, new byte[8])),
                row("a request of the connection", bytes(0, 0x04, 0, new byte[8])),
                row("a request with metadata beyond its end", bytes(1, 0x04, M, withByte(8, 2, 6))),
                row("a request with half a length of metadata", bytes(1, 0x04, M, new byte[2])),
                row("a fragment of a request", bytes(1, 0x04, F, new byte[8])),
                row("a fragment of a payload", bytes(1, 0x0a, F | N, new byte[8])),
                row("a payload without a signal", bytes(1, 0x0a, 0, new byte[8])),
                row("a stream without demand", bytes(1, 0x06, 0, new byte[8])),
                row("a channel with negative demand", bytes(1, 0x07, 0, withByte(8, 0, 0x80))),
                row("REQUEST_N of none", bytes(1, 0x08, 0, new byte[4])),
                row("REQUEST_N cut short", bytes(1, 0x08, 0, new byte[3])),
                row("CANCEL of the connection", bytes(0, 0x09, 0, new byte[0])),
                row("ERROR without a code", bytes(0, 0x0b, 0, new byte[3])));
    }

    @Test
    void error_thatSaysThatTheConnectionEnds_closesItUnseen() {
        receive(ErrorFrameCodec.encode(ALLOC, 0, new ConnectionErrorException("Disposed")));

        assertThat(channel.isOpen()).isFalse();
        assertThat(channel.inboundMessages()).isEmpty();
    }

    @Test
    void error_thatSaysWhyTheConnectionEnds_closesItAfterItWasSeen() {
        receive(ErrorFrameCodec.encode(ALLOC, 0, new RejectedSetupException("overloaded")));

        assertThat(channel.isOpen()).isFalse();
        assertThat(channel.inboundMessages()).hasSize(1);
    }

    @Test
    void frame_beyondTheLimit_closesTheConnection() {
        channel.writeInbound(Unpooled.wrappedBuffer(new byte[] {0, 0x20, 0, 0, 0, 0, 1}));

        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void frame_beforeTheProof_beyondTheOpeningLimit_closesTheConnection() {
        EmbeddedChannel accepted = accepted();

        accepted.writeInbound(Unpooled.wrappedBuffer(new byte[] {0, 2, 1}));

        assertThat(accepted.isOpen()).isFalse();
    }

    @Test
    void frame_afterTheProof_mayBeLong() {
        EmbeddedChannel accepted = accepted();
        ByteBuf frames = ALLOC.buffer();
        append(frames, bytes(1, 0x05, 0, new byte[100]));
        append(frames, bytes(3, 0x04, 0, new byte[2_000]));

        accepted.writeInbound(frames);

        assertThat(accepted.inboundMessages()).hasSize(2);
        accepted.finishAndReleaseAll();
    }

    private static EmbeddedChannel accepted() {
        var accepted = new EmbeddedChannel();
        FrameGuard.install(Connection.from(accepted), 512, MAX_FRAME_BYTES);
        return accepted;
    }

    @Test
    void frames_behindAMalformedOne_areDropped() {
        ByteBuf both = ALLOC.buffer();
        append(both, bytes(0, 0x3e, 0, new byte[4]));
        append(both, bytes(1, 0x09, 0, new byte[0]));

        channel.writeInbound(both);

        assertThat(channel.inboundMessages()).isEmpty();
    }

    @Test
    void keepalives_aHundredInASecond_pass() {
        for (int second = 0; second < 3; second++) {
            for (int i = 0; i < 100; i++) {
                receive(frame(0, 0x03, 0, new byte[8]));
            }
            channel.advanceTimeBy(1, TimeUnit.SECONDS);
        }

        assertThat(channel.isOpen()).isTrue();
    }

    @Test
    void keepalives_inAFlood_closeTheConnection() {
        for (int i = 0; i < 101; i++) {
            receive(frame(0, 0x03, 0, new byte[8]));
        }

        assertThat(channel.isOpen()).isFalse();
        assertThat(channel.inboundMessages()).hasSize(100);
    }

    /** Whatever the bytes, none is read beyond the end of its frame. */
    @Test
    void frames_ofRandomBytes_areJudgedWithoutFailing() {
        var random = new SplittableRandom(7);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[3 + random.nextInt(40)];
            random.nextBytes(bytes);
            FrameRules.violation(Unpooled.wrappedBuffer(bytes));
        }
    }

    private static Arguments row(String what, byte[] frame) {
        return Arguments.of(what, frame);
    }

    private static byte[] withByte(int length, int index, int value) {
        byte[] body = new byte[length];
        body[index] = (byte) value;
        return body;
    }

    private static ByteBuf frame(int stream, int type, int flags, byte... body) {
        return Unpooled.wrappedBuffer(bytes(stream, type, flags, body));
    }

    private static byte[] bytes(int stream, int type, int flags, byte[] body) {
        ByteBuf frame = Unpooled.buffer(6 + body.length);
        frame.writeInt(stream).writeShort(type << 10 | flags).writeBytes(body);
        return frame.array();
    }

    private static void append(ByteBuf stream, byte[] frame) {
        stream.writeMedium(frame.length).writeBytes(frame);
    }

    private void receive(ByteBuf frame) {
        ByteBuf stream = ALLOC.buffer();
        stream.writeMedium(frame.readableBytes()).writeBytes(frame);
        frame.release();
        channel.writeInbound(stream);
    }
}
