package dev.hivemind.dht.lookup;

/**
 * What a lookup cost.
 *
 * @param hops the longest chain of referrals to one of the peers in the result; a peer from the own table is 1
 * @param messages requests sent
 * @param answers requests answered
 * @param failures requests that failed, timeouts among them
 * @param timeouts requests that were not answered within the soft timeout, whether or not they were later
 */
public record LookupStats(int hops, int messages, int answers, int failures, int timeouts) {}
