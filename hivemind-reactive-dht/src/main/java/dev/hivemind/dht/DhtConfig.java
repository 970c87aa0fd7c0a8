package dev.hivemind.dht;

import dev.hivemind.dht.lookup.LookupConfig;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;

/**
 * The settings of a {@link DhtNode}. See {@link DhtNodeBuilder} for what each means.
 *
 * @param bucketSize Kademlia's k, 1 to 128
 * @param depthModulo Kademlia's b, at least 1
 * @param alpha requests of a lookup under way at once, 1 to 32
 * @param replicas copies of a record, 1 to 128
 * @param acknowledgements copies after which whoever stores is told, 1 to {@code replicas}
 * @param initialPeers where to enter the DHT
 * @param requestTimeout after which a call has failed
 * @param softTimeout after which a call no longer holds a lookup up; twice as long, and it no longer holds a store up
 * @param maxTtl how long records may live, at most 24 h
 * @param refreshPeriod how often all ranges of the table are visited
 * @param maxRecords records kept for others
 * @param maxRecordBytes memory for them
 */
record DhtConfig(
        int bucketSize,
        int depthModulo,
        int alpha,
        int replicas,
        int acknowledgements,
        List<PeerAddress> initialPeers,
        Duration requestTimeout,
        Duration softTimeout,
        Duration maxTtl,
        Duration refreshPeriod,
        int maxRecords,
        long maxRecordBytes) {

    static final int DEFAULT_BUCKET_SIZE = 20;
    static final int DEFAULT_DEPTH_MODULO = 1;
    static final int DEFAULT_ALPHA = 3;
    static final int DEFAULT_REPLICAS = 8;
    static final Duration DEFAULT_REQUEST_TIMEOUT = Duration.ofSeconds(3);
    static final Duration DEFAULT_SOFT_TIMEOUT = Duration.ofMillis(250);
    static final Duration DEFAULT_REFRESH_PERIOD = Duration.ofMinutes(10);
    static final int DEFAULT_MAX_RECORDS = 262_144;
    static final long DEFAULT_MAX_RECORD_BYTES = 256L << 20;

    private static final int MAX_BUCKET_SIZE = 128;
    private static final int MAX_ALPHA = 32;
    private static final Duration LOOKUP_DEADLINE = Duration.ofSeconds(30);

    public DhtConfig {
        initialPeers = List.copyOf(initialPeers);
        requireRange("bucketSize", bucketSize, MAX_BUCKET_SIZE);
        requireRange("depthModulo", depthModulo, Integer.MAX_VALUE);
        requireRange("alpha", alpha, MAX_ALPHA);
        requireRange("replicas", replicas, MAX_BUCKET_SIZE);
        requireRange("acknowledgements", acknowledgements, replicas);
        requireRange("maxRecords", maxRecords, Integer.MAX_VALUE);
        requireRange("maxRecordBytes", maxRecordBytes, Long.MAX_VALUE);
        requirePositive("requestTimeout", requestTimeout);
        requirePositive("softTimeout", softTimeout);
        requirePositive("maxTtl", maxTtl);
        requirePositive("refreshPeriod", refreshPeriod);
        if (maxTtl.compareTo(Lifetimes.MAX_TTL) > 0) {
            throw new IllegalArgumentException("maxTtl is at most " + Lifetimes.MAX_TTL);
        }
    }

    LookupConfig lookups() {
        return new LookupConfig(alpha, softTimeout, LOOKUP_DEADLINE);
    }

    private static void requireRange(String name, long value, long max) {
        if (value < 1 || value > max) {
            throw new IllegalArgumentException("%s lies between 1 and %d, not %d".formatted(name, max, value));
        }
    }

    private static void requirePositive(String name, Duration value) {
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException(name + " is positive");
        }
    }
}
