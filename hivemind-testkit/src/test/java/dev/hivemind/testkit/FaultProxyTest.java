package dev.hivemind.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A client and a target on real sockets, each driven by the test itself. */
@Timeout(60)
class FaultProxyTest {

    private static final int PATIENCE_MILLIS = 20_000;
    private static final int SHORT_MILLIS = 100;

    private final List<Socket> sockets = new ArrayList<>();
    private ServerSocket listener;
    private FaultProxy proxy;
    private Socket client;
    private Socket target;

    @BeforeEach
    void connect() throws IOException {
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        listener.setSoTimeout(PATIENCE_MILLIS);
        proxy = FaultProxy.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.getLocalPort()));
        client = connectClient();
        target = acceptTarget();
    }

    @AfterEach
    void close() throws IOException {
        proxy.close();
        for (Socket socket : sockets) {
            socket.close();
        }
        listener.close();
    }

    private Socket connectClient() throws IOException {
        return patient(new Socket("127.0.0.1", proxy.port()));
    }

    private Socket acceptTarget() throws IOException {
        return patient(listener.accept());
    }

    private Socket patient(Socket socket) throws IOException {
        sockets.add(socket);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(PATIENCE_MILLIS);
        return socket;
    }

    /** Until a byte went through, the proxy may not know yet that it reached the target. */
    private void awaitLink() throws IOException {
        send(client, new byte[] {1});
        receive(target, 1);
    }

    private static void send(Socket from, byte[] bytes) throws IOException {
        OutputStream output = from.getOutputStream();
        output.write(bytes);
        output.flush();
    }

    private static byte[] receive(Socket to, int size) throws IOException {
        return to.getInputStream().readNBytes(size);
    }

    private static void assertNothingArrives(Socket to) throws IOException {
        to.setSoTimeout(SHORT_MILLIS);
        assertThatThrownBy(() -> to.getInputStream().read()).isInstanceOf(SocketTimeoutException.class);
        to.setSoTimeout(PATIENCE_MILLIS);
    }

    private static void assertReset(Socket socket) {
        assertThatThrownBy(() -> socket.getInputStream().read())
                .isInstanceOf(SocketException.class)
                .hasMessageContaining("reset");
    }

    private static void reset(Socket socket) throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new SplittableRandom(size).nextBytes(bytes);
        return bytes;
    }

    private static Duration since(long startNanos) {
        return Duration.ofNanos(System.nanoTime() - startNanos);
    }

    @Test
    void proxy_withoutFaults_carriesBytesBothWays() throws Exception {
        byte[] request = random(3_000_000);
        byte[] reply = random(2_000_000);

        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> sendUnchecked(client, request));
        assertThat(receive(target, request.length)).isEqualTo(request);
        sending.get();
        sending = CompletableFuture.runAsync(() -> sendUnchecked(target, reply));
        assertThat(receive(client, reply.length)).isEqualTo(reply);
        sending.get();
    }

    @Test
    void delay_ofManyMessages_isPaidOnceEachWay() throws IOException {
        int messages = 200;
        proxy.delay(Duration.ofMillis(100));
        long start = System.nanoTime();

        for (int i = 0; i < messages; i++) {
            send(client, new byte[] {(byte) i});
            send(target, new byte[] {(byte) i});
        }
        byte[] there = receive(target, messages);
        byte[] back = receive(client, messages);

        assertThat(since(start)).isBetween(Duration.ofMillis(100), Duration.ofMillis(100 * messages / 2));
        assertThat(there).isEqualTo(back);
        assertThat(there[messages - 1]).isEqualTo((byte) (messages - 1));
    }

    @Test
    void delay_ofOneDirection_leavesTheOtherAlone() throws IOException {
        proxy.toTarget().delay(Duration.ofDays(1));
        send(client, new byte[] {1});

        send(target, new byte[] {2});

        assertThat(receive(client, 1)).containsExactly(2);
        assertNothingArrives(target);
    }

    @Test
    void throttle_ofManyBytes_takesItsTime() throws IOException {
        proxy.throttle(100_000);
        byte[] bytes = random(50_000);
        long start = System.nanoTime();

        send(client, bytes);

        assertThat(receive(target, bytes.length)).isEqualTo(bytes);
        assertThat(since(start)).isGreaterThan(Duration.ofMillis(400));
    }

    @Test
    void blackHole_holdsBytesUntilItHeals() throws IOException {
        proxy.blackHole();
        send(client, new byte[] {1});
        send(target, new byte[] {2});

        assertNothingArrives(target);
        assertNothingArrives(client);
        proxy.heal();
        assertThat(receive(target, 1)).containsExactly(1);
        assertThat(receive(client, 1)).containsExactly(2);
    }

    @Test
    void blackHole_ofOneDirection_leavesTheOtherAlone() throws IOException {
        proxy.toClient().blackHole();
        send(client, new byte[] {1});
        send(target, new byte[] {2});

        assertThat(receive(target, 1)).containsExactly(1);
        assertNothingArrives(client);
    }

    @Test
    void blackHole_hidesTheEndOfAConnection() throws IOException {
        proxy.blackHole();

        client.close();

        assertNothingArrives(target);
        proxy.heal();
        assertThat(target.getInputStream().read()).isEqualTo(-1);
    }

    @Test
    void blackHole_acceptsConnections() throws IOException {
        proxy.blackHole();

        Socket another = connectClient();

        send(another, new byte[] {1});
        assertNothingArrives(acceptTarget());
    }

    @Test
    void blackHole_holdsAFewMegabytesAndThenStopsTheSender() throws Exception {
        proxy.blackHole();
        var sent = new AtomicLong();

        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
            for (int i = 0; i < 10_000; i++) {
                sendUnchecked(client, new byte[64 * 1024]);
                sent.addAndGet(64 * 1024);
            }
        });

        assertThatThrownBy(() -> sending.get(1, TimeUnit.SECONDS)).isInstanceOf(TimeoutException.class);
        assertThat(sent).hasValueLessThan(64L << 20);
        proxy.cut();
        assertThatThrownBy(sending::get).hasRootCauseInstanceOf(SocketException.class);
    }

    @Test
    void corruptNext_flipsOneBit() throws IOException {
        proxy.corruptNext(1);

        send(client, new byte[100]);

        byte[] arrived = receive(target, 100);
        int bits = 0;
        for (byte value : arrived) {
            bits += Integer.bitCount(value & 0xFF);
        }
        assertThat(bits).isEqualTo(1);
    }

    @Test
    void cut_resetsBothSides() throws IOException {
        awaitLink();

        proxy.cut();

        assertReset(client);
        assertReset(target);
    }

    @Test
    void cut_leavesNewConnectionsAlone() throws IOException {
        proxy.cut();
        assertReset(client);

        Socket another = connectClient();
        send(another, new byte[] {1});

        assertThat(receive(acceptTarget(), 1)).containsExactly(1);
    }

    @Test
    void proxy_whoseClientCloses_endsTheTargetAfterTheLastByte() throws IOException {
        proxy.delay(Duration.ofMillis(100));
        byte[] bytes = random(100_000);

        send(client, bytes);
        client.close();

        assertThat(target.getInputStream().readAllBytes()).isEqualTo(bytes);
    }

    @Test
    void proxy_whoseTargetCloses_endsTheClientAfterTheLastByte() throws IOException {
        proxy.delay(Duration.ofMillis(100));
        byte[] bytes = random(100_000);

        send(target, bytes);
        target.close();

        assertThat(client.getInputStream().readAllBytes()).isEqualTo(bytes);
    }

    @Test
    void proxy_whoseTargetResets_resetsTheClient() throws IOException {
        awaitLink();

        reset(target);

        assertReset(client);
    }

    @Test
    void proxy_whoseClientResets_resetsTheTarget() throws IOException {
        awaitLink();

        reset(client);

        assertReset(target);
    }

    @Test
    void proxy_whoseTargetDoesNotListen_resetsTheClient() throws IOException {
        listener.close();

        assertReset(connectClient());
    }

    @Test
    void close_endsConnectionsAndStopsListening() throws IOException {
        awaitLink();

        proxy.close();

        assertReset(client);
        assertReset(target);
        assertThatThrownBy(this::connectClient).isInstanceOf(ConnectException.class);
    }

    @Test
    void close_endsTheThread() throws InterruptedException {
        List<Thread> own = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("fault-proxy"))
                .toList();
        assertThat(own).isNotEmpty();

        proxy.close();

        for (Thread thread : own) {
            thread.join(PATIENCE_MILLIS);
            assertThat(thread.isAlive()).isFalse();
        }
    }

    private static void sendUnchecked(Socket from, byte[] bytes) {
        try {
            send(from, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
