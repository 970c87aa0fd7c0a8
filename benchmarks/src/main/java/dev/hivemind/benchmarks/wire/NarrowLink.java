package dev.hivemind.benchmarks.wire;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A relay on the loopback interface that carries so many bytes per second each way and has small buffers of its own, so
 * that bytes which wait, wait at their sender. Each connection has the whole rate. Threads of its own block, so that no
 * event loop is kept busy by it.
 */
final class NarrowLink implements AutoCloseable {

    static final long UNLIMITED = Long.MAX_VALUE;

    private static final int SOCKET_BUFFER_BYTES = 64 * 1_024;
    private static final int PIECE_BYTES = 8 * 1_024;

    private final InetSocketAddress target;
    private final long bytesPerSecond;
    private final ServerSocket listener;
    private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final AtomicLong replyBytesLeft = new AtomicLong(UNLIMITED);

    private NarrowLink(InetSocketAddress target, long bytesPerSecond) throws IOException {
        this.target = target;
        this.bytesPerSecond = bytesPerSecond;
        this.listener = new ServerSocket();
        listener.setReceiveBufferSize(SOCKET_BUFFER_BYTES);
        listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    /** A link to a target, listening when this returns. */
    static NarrowLink open(InetSocketAddress target, long bytesPerSecond) throws IOException {
        var link = new NarrowLink(target, bytesPerSecond);
        link.spawn(link::accept);
        return link;
    }

    int port() {
        return listener.getLocalPort();
    }

    /** Lets so many bytes more come back, and then nothing: whoever sends them has a peer that does not read. */
    void stallRepliesAfter(long bytes) {
        replyBytesLeft.set(bytes);
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = keep(listener.accept());
            Socket server = keep(new Socket());
            server.setReceiveBufferSize(SOCKET_BUFFER_BYTES);
            server.connect(target);
            spawn(() -> carry(client, server, false));
            spawn(() -> carry(server, client, true));
        }
    }

    private Socket keep(Socket socket) throws IOException {
        sockets.add(socket);
        socket.setTcpNoDelay(true);
        socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
        return socket;
    }

    private void carry(Socket from, Socket to, boolean isReply) throws IOException {
        try (from;
                to) {
            var pace = new Pace(bytesPerSecond, System.nanoTime());
            InputStream input = from.getInputStream();
            OutputStream output = to.getOutputStream();
            byte[] piece = new byte[PIECE_BYTES];
            for (int size = input.read(piece); size >= 0; size = input.read(piece)) {
                if (isReply && replyBytesLeft.addAndGet(-size) < 0) {
                    closed.await();
                }
                parkUntil(pace.leaveAt(size, System.nanoTime()));
                output.write(piece, 0, size);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void parkUntil(long nanos) {
        for (long left = nanos - System.nanoTime(); left > 0; left = nanos - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private void spawn(Task task) {
        var thread = new Thread(() -> runUntilClosed(task), "benchmark-link");
        thread.setDaemon(true);
        thread.start();
    }

    private static void runUntilClosed(Task task) {
        try {
            task.run();
        } catch (IOException e) {
            // A connection has ended, or the link was closed.
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        closed.countDown();
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    @FunctionalInterface
    private interface Task {

        void run() throws IOException;
    }
}
