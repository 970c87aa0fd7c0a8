package dev.hivemind.benchmarks.wire;

import java.time.Duration;
import reactor.netty.resources.LoopResources;

/** Event loops, apart for each end, that the contenders on Reactor Netty share. */
final class Loops implements AutoCloseable {

    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final int THREADS = Runtime.getRuntime().availableProcessors();

    private final LoopResources client = LoopResources.create("benchmark-client", THREADS, true);
    private final LoopResources server = LoopResources.create("benchmark-server", THREADS, true);

    LoopResources client() {
        return client;
    }

    LoopResources server() {
        return server;
    }

    /** How many threads each end has. */
    static int threads() {
        return THREADS;
    }

    @Override
    public void close() {
        client.disposeLater(Duration.ZERO, TIMEOUT)
                .and(server.disposeLater(Duration.ZERO, TIMEOUT))
                .block(TIMEOUT.multipliedBy(2));
    }
}
