package dev.hivemind.benchmarks.wire;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * The least work that carries a tensor there and back: two blocking sockets, a thread each, and direct buffers that are
 * used again for every message, so that the only copies are those of the kernel.
 */
final class NioEcho implements AutoCloseable {

    private static final int WRITE_BYTES = 256 * 1_024;

    private final SocketChannel client;
    private final SocketChannel server;
    private final ByteBuffer sent;
    private final ByteBuffer received;
    private final Thread serving;

    NioEcho(int bytes) throws IOException {
        try (var listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            client = SocketChannel.open(listener.getLocalAddress());
            server = listener.accept();
        }
        client.setOption(StandardSocketOptions.TCP_NODELAY, true);
        server.setOption(StandardSocketOptions.TCP_NODELAY, true);
        sent = ByteBuffer.allocateDirect(bytes);
        received = ByteBuffer.allocateDirect(bytes);
        serving = new Thread(() -> serve(ByteBuffer.allocateDirect(bytes)), "benchmark-nio-echo");
        serving.setDaemon(true);
        serving.start();
    }

    private void serve(ByteBuffer tensor) {
        try {
            while (true) {
                readFully(server, tensor);
                writeFully(server, tensor);
            }
        } catch (ClosedChannelException | EOFException e) {
            // The client is done.
        } catch (IOException e) {
            throw new IllegalStateException("The echo ended", e);
        }
    }

    /** Sends and receives one message after another for about so long. */
    Tally run(Duration time) throws IOException {
        long start = System.nanoTime();
        long calls = 0;
        while (System.nanoTime() - start < time.toNanos()) {
            sent.clear();
            writeFully(client, sent);
            readFully(client, received);
            calls++;
        }
        return Tally.of(calls, System.nanoTime() - start);
    }

    private static void readFully(SocketChannel from, ByteBuffer tensor) throws IOException {
        tensor.clear();
        while (tensor.hasRemaining()) {
            if (from.read(tensor) < 0) {
                throw new EOFException();
            }
        }
        tensor.flip();
    }

    private static void writeFully(SocketChannel to, ByteBuffer tensor) throws IOException {
        int end = tensor.limit();
        while (tensor.position() < end) {
            tensor.limit(Math.min(end, tensor.position() + WRITE_BYTES));
            to.write(tensor);
        }
    }

    @Override
    public void close() throws IOException {
        client.close();
        server.close();
    }
}
