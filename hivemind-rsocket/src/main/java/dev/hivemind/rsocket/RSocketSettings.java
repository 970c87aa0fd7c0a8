package dev.hivemind.rsocket;

import java.time.Duration;

/** What both sides of a connection agree on. */
final class RSocketSettings {

    static final String METADATA_MIME_TYPE = "application/vnd.hivemind.frame.v1+protobuf";
    static final String DATA_MIME_TYPE = "application/octet-stream";

    static final Duration KEEPALIVE_INTERVAL = Duration.ofSeconds(10);
    static final Duration KEEPALIVE_TIMEOUT = Duration.ofSeconds(60);

    private static final int MIN_KEEPALIVE_INTERVAL_MILLIS = 1_000;
    private static final int MAX_KEEPALIVE_INTERVAL_MILLIS = 60_000;
    private static final int MAX_KEEPALIVE_TIMEOUT_MILLIS = 300_000;

    private RSocketSettings() {}

    /** The dialler chooses the keepalive times of both sides: absurd ones would keep dead connections or flood us. */
    static boolean acceptsKeepalive(int intervalMillis, int timeoutMillis) {
        return intervalMillis >= MIN_KEEPALIVE_INTERVAL_MILLIS
                && intervalMillis <= MAX_KEEPALIVE_INTERVAL_MILLIS
                && timeoutMillis >= intervalMillis
                && timeoutMillis <= MAX_KEEPALIVE_TIMEOUT_MILLIS;
    }
}
