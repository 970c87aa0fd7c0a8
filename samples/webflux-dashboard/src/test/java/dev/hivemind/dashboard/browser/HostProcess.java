package dev.hivemind.dashboard.browser;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A {@link HostMain} in a JVM of its own, which does not outlive this one. */
final class HostProcess implements AutoCloseable {

    static final String READY = "ready at ";

    private static final int NATIVE_ACCESS_FLAG_SINCE = 22;

    private final Process process;
    private final PeerAddress address;

    private HostProcess(Process process) {
        this.process = process;
        this.address = awaitAddress(process.inputReader(StandardCharsets.UTF_8));
    }

    /** Starts one, and waits until its experts are declared. */
    static HostProcess start(PeerAddress peer, List<String> uids) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.graph_optimizer=false"));
        if (Runtime.version().feature() >= NATIVE_ACCESS_FLAG_SINCE) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), HostMain.class.getName()));
        command.add(peer.toString());
        command.addAll(uids);
        try {
            return new HostProcess(
                    new ProcessBuilder(command).redirectError(Redirect.INHERIT).start());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static PeerAddress awaitAddress(BufferedReader output) {
        try {
            String line = output.readLine();
            while (line != null && !line.startsWith(READY)) {
                line = output.readLine();
            }
            if (line == null) {
                throw new IllegalStateException("The process of a host has ended");
            }
            return PeerAddress.parse(line.substring(READY.length()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    PeerAddress address() {
        return address;
    }

    /** As {@code kill -9} does it. */
    void kill() {
        process.destroyForcibly().onExit().join();
    }

    @Override
    public void close() {
        kill();
    }
}
