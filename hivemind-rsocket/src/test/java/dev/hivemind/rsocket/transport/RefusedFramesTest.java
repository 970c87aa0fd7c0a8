package dev.hivemind.rsocket.transport;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.rsocket.RSocket;
import io.rsocket.core.RSocketServer;
import io.rsocket.frame.SetupFrameCodec;
import io.rsocket.util.DefaultPayload;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.netty.tcp.TcpServer;

/** What RSocket logs, over real sockets, of peers that send it nonsense. */
class RefusedFramesTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final int MAX_FRAME_BYTES = 65_536;

    private final Logger rsocketLog = (Logger) LoggerFactory.getLogger("io.rsocket");
    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
    private ListeningSocket server;

    @BeforeEach
    void listen() {
        logged.start();
        rsocketLog.addAppender(logged);
        server = RSocketServer.create((setup, rsocket) -> Mono.just(new RSocket() {}))
                .bind(new PeerServerTransport(
                        TcpServer.create().host("127.0.0.1").port(0),
                        MAX_FRAME_BYTES,
                        new GateLimits(1 << 20, 16 << 20, TIMEOUT),
                        new AcceptLimits(10, 10)))
                .block(TIMEOUT);
    }

    @AfterEach
    void close() {
        rsocketLog.detachAppender(logged);
        server.dispose();
        server.onClose().block(TIMEOUT);
    }

    @Test
    void frames_ofUnknownTypes_closeTheConnectionWithoutALine() throws IOException {
        sendAfterSetup(1_000, 0, 0x3e);

        assertThat(errors()).isZero();
    }

    @Test
    void frames_ofStreamsThatDoNotExist_closeTheConnectionWithOneLine() throws IOException {
        sendAfterSetup(1_000, 2, 0x0b);

        assertThat(errors()).isLessThanOrEqualTo(1);
    }

    @Test
    void keepalives_inAFlood_closeTheConnectionWithoutALine() throws IOException {
        sendAfterSetup(1_000, 0, 0x03);

        assertThat(errors()).isZero();
    }

    private long errors() {
        return logged.list.stream()
                .filter(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
                .count();
    }

    private void sendAfterSetup(int frames, int stream, int type) throws IOException {
        ByteBuf bytes = Unpooled.buffer();
        ByteBuf setup = SetupFrameCodec.encode(
                ByteBufAllocator.DEFAULT, false, 10_000, 60_000, "text/a", "text/b", DefaultPayload.create("data"));
        bytes.writeMedium(setup.readableBytes()).writeBytes(setup);
        setup.release();
        for (int i = 0; i < frames; i++) {
            bytes.writeMedium(6 + 8).writeInt(stream).writeShort(type << 10).writeZero(8);
        }
        try (var socket = new Socket("127.0.0.1", server.address().getPort())) {
            socket.setSoTimeout((int) TIMEOUT.toMillis());
            socket.getOutputStream().write(bytes.array(), 0, bytes.readableBytes());
            readToEnd(socket);
        }
    }

    private static void readToEnd(Socket socket) throws IOException {
        try {
            socket.getInputStream().transferTo(java.io.OutputStream.nullOutputStream());
        } catch (java.net.SocketException reset) {
            assertThat(reset).hasMessageContaining("reset");
        }
    }
}
