package dev.hivemind.launcher.swarm;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Something that listens and speaks another protocol: it answers whatever it hears in HTTP, and hangs up. */
final class Stranger implements AutoCloseable {

    private final ServerSocket socket;

    Stranger() throws IOException {
        socket = new ServerSocket(0);
        var listener = new Thread(this::listen, "stranger");
        listener.setDaemon(true);
        listener.start();
    }

    String address() {
        return "127.0.0.1:" + socket.getLocalPort();
    }

    private void listen() {
        while (!socket.isClosed()) {
            try (Socket caller = socket.accept()) {
                caller.getInputStream().read();
                caller.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            } catch (IOException gone) {
                // The next one, unless this end was closed.
            }
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
