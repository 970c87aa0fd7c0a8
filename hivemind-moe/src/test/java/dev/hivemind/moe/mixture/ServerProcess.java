package dev.hivemind.moe.mixture;

import dev.hivemind.rsocket.identity.PeerAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A {@link ServerMain} in a JVM of its own, which does not outlive this one. */
final class ServerProcess {

    private static final int NATIVE_ACCESS_FLAG_SINCE = 22;

    private final Process process;
    private final BufferedReader output;

    private ServerProcess(Process process) {
        this.process = process;
        this.output = process.inputReader(StandardCharsets.UTF_8);
    }

    /**
     * Starts one, and does not wait for it.
     *
     * @param uids of the experts, the first of which has the seed
     */
    static ServerProcess start(PeerAddress dht, int width, long seed, List<String> uids) {
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
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), ServerMain.class.getName()));
        command.addAll(List.of(dht.toString(), String.valueOf(width), String.valueOf(seed)));
        command.addAll(uids);
        try {
            return new ServerProcess(new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until its experts are declared. */
    void awaitReady() {
        try {
            String line = output.readLine();
            while (line != null && !line.equals(ServerMain.READY)) {
                line = output.readLine();
            }
            if (line == null) {
                throw new IllegalStateException("The process of a server has ended");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As {@code kill -9} does it. */
    void kill() {
        process.destroyForcibly().onExit().join();
    }
}
