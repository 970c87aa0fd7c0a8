package dev.hivemind.dht;

import java.time.Duration;

/**
 * The size of a node's state at one moment.
 *
 * @param contacts peers in the routing table
 * @param buckets ranges that the routing table distinguishes
 * @param records records kept for others, subkeys counted one by one
 * @param recordBytes memory accounted for them
 * @param clockSkew how far the clocks of other peers are ahead of this one's, the median; zero until a few are known
 */
public record DhtSnapshot(int contacts, int buckets, int records, long recordBytes, Duration clockSkew) {}
