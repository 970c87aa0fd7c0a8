package dev.hivemind.launcher.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;

/**
 * Tells for certain that a process has ended, even one that is not a child of this JVM: the process holds a connection
 * to here, which the system closes with it.
 */
final class Lifeline implements AutoCloseable {

    private static final int TIMEOUT_MILLIS = 30_000;

    private final ServerSocket server;

    Lifeline() throws IOException {
        server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        server.setSoTimeout(TIMEOUT_MILLIS);
    }

    int port() {
        return server.getLocalPort();
    }

    /** Waits for a process to connect. */
    Socket accept() throws IOException {
        Socket socket = server.accept();
        socket.setSoTimeout(TIMEOUT_MILLIS);
        return socket;
    }

    /** Waits for the end of the process at the other end. */
    static void awaitEnd(Socket socket) throws IOException {
        try {
            while (socket.getInputStream().read() >= 0) {}
        } catch (SocketTimeoutException alive) {
            throw new AssertionError("The process is still alive", alive);
        } catch (IOException reset) {
            // A killed process may reset its connections instead of closing them.
        }
    }

    /** Called in the process: connects, and keeps the connection as long as the process lives. */
    static Socket hold(int port) {
        try {
            return new Socket(InetAddress.getLoopbackAddress(), port);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
