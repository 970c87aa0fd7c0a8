package dev.hivemind.benchmarks.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NarrowLinkTest {

    private static final int SHORT_MILLIS = 100;

    private ServerSocket listener;
    private NarrowLink link;
    private Socket client;
    private Socket target;

    @BeforeEach
    void connect() throws IOException {
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        link = NarrowLink.open(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.getLocalPort()), 10_000_000);
        client = new Socket(InetAddress.getLoopbackAddress(), link.port());
        target = listener.accept();
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        target.close();
        link.close();
        listener.close();
    }

    @Test
    void link_carriesBytesBothWays() throws Exception {
        byte[] bytes = new byte[100_000];
        new SplittableRandom(1).nextBytes(bytes);

        CompletableFuture<Void> sending = sendInBackground(client, bytes);
        assertThat(target.getInputStream().readNBytes(bytes.length)).isEqualTo(bytes);
        sending.get();
        sending = sendInBackground(target, bytes);
        assertThat(client.getInputStream().readNBytes(bytes.length)).isEqualTo(bytes);
        sending.get();
    }

    @Test
    void link_whoseTargetDoesNotRead_stopsTheSenderSoon() throws Exception {
        var sent = new AtomicLong();

        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
            for (int i = 0; i < 10_000; i++) {
                send(client, new byte[8_192]);
                sent.addAndGet(8_192);
            }
        });

        assertThatThrownBy(() -> sending.get(3, TimeUnit.SECONDS)).isInstanceOf(TimeoutException.class);
        assertThat(sent).hasValueLessThan(16L << 20);
    }

    @Test
    void stallRepliesAfter_holdsBackWhatTheTargetSends() throws Exception {
        link.stallRepliesAfter(0);

        target.getOutputStream().write(1);

        client.setSoTimeout(SHORT_MILLIS);
        assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketTimeoutException.class);
    }

    private static CompletableFuture<Void> sendInBackground(Socket socket, byte[] bytes) {
        return CompletableFuture.runAsync(() -> send(socket, bytes));
    }

    private static void send(Socket socket, byte[] bytes) {
        try {
            socket.getOutputStream().write(bytes);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
