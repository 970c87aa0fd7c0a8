package dev.hivemind.dht;

/**
 * The size of a node's state at one moment.
 *
 * @param contacts peers in the routing table
 * @param buckets ranges that the routing table distinguishes
 * @param records records kept for others, subkeys counted one by one
 * @param recordBytes memory accounted for them
 */
public record DhtSnapshot(int contacts, int buckets, int records, long recordBytes) {}
