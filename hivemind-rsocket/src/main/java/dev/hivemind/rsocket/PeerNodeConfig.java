package dev.hivemind.rsocket;

import dev.hivemind.rsocket.frame.FrameCodec;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.rsocket.transport.GateLimits;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.netty.resources.LoopResources;

/** The settings of a {@link PeerNode}, checked. See {@link PeerNode.Builder} for what each means. */
record PeerNodeConfig(
        PeerIdentity identity,
        List<PeerAddress> listen,
        List<PeerAddress> announce,
        int maxFrameBytes,
        int maxConnections,
        int maxConnectionsPerAddress,
        Duration connectTimeout,
        Duration idleTimeout,
        Duration drainTimeout,
        long resultCacheBytes,
        @Nullable MeterRegistry meters,
        long inboundBudget,
        Duration stallTimeout,
        ConnectionLimits limits,
        @Nullable LoopResources loops) {

    static final int DEFAULT_MAX_FRAME_BYTES = (1 << 20) + FrameCodec.MAX_HEADER_BYTES;

    static final int DEFAULT_MAX_CONNECTIONS = 1_024;
    static final int DEFAULT_MAX_CONNECTIONS_PER_ADDRESS = 32;
    static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(5);
    static final Duration DEFAULT_IDLE_TIMEOUT = Duration.ofMinutes(5);
    static final Duration DEFAULT_DRAIN_TIMEOUT = Duration.ofSeconds(5);

    static final long DEFAULT_RESULT_CACHE_BYTES = 64L << 20;

    /** A few hundred bytes each; retries come within minutes. */
    static final int MAX_REMEMBERED_CALLS = 100_000;

    static final Duration DEFAULT_STALL_TIMEOUT = Duration.ofSeconds(10);

    /** Room for a full header, a full piece of a body, and the framing: what every peer accepts. */
    private static final int MIN_MAX_FRAME_BYTES = 300_000;

    /** What the 24-bit length of RSocket's TCP framing allows. */
    private static final int MAX_MAX_FRAME_BYTES = 0xFFFFFF;

    PeerNodeConfig {
        listen = List.copyOf(listen);
        announce = List.copyOf(announce);
        require(
                maxFrameBytes >= MIN_MAX_FRAME_BYTES && maxFrameBytes <= MAX_MAX_FRAME_BYTES,
                "maxFrameBytes lies between %d and %d".formatted(MIN_MAX_FRAME_BYTES, MAX_MAX_FRAME_BYTES));
        require(
                announce.size() <= Hello.MAX_LISTEN_ADDRESSES,
                "at most %d addresses are announced".formatted(Hello.MAX_LISTEN_ADDRESSES));
        require(maxConnections >= 1, "maxConnections is at least 1");
        require(maxConnectionsPerAddress >= 1, "maxConnectionsPerAddress is at least 1");
        require(resultCacheBytes >= 0, "resultCacheBytes is not negative");
        require(inboundBudget >= 0, "inboundBudget is not negative");
        require(!stallTimeout.isNegative() && !stallTimeout.isZero(), "stallTimeout is positive");
        require(!connectTimeout.isNegative() && !connectTimeout.isZero(), "connectTimeout is positive");
        require(!idleTimeout.isNegative(), "idleTimeout is not negative");
        require(!drainTimeout.isNegative(), "drainTimeout is not negative");
    }

    /** What may be unsent on each connection. */
    GateLimits unsent() {
        return new GateLimits(limits.sendWindowBytes(), limits.maxUnsentBytes(), limits.maxWriteStall());
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
