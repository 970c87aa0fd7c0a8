/**
 * Experts in the DHT: who hosts which.
 *
 * <p>An {@link dev.hivemind.dht.expert.ExpertUid} such as {@code ffn.3.17} names a point in a grid; its
 * {@link dev.hivemind.dht.expert.ExpertPrefix}es {@code ffn.} and {@code ffn.3.} name lines of it. The
 * {@link dev.hivemind.dht.expert.ExpertDirectory} declares experts so that one request tells who owns a uid, and one
 * request which coordinates can follow a prefix, which is what a search over the grid needs.
 */
@NullMarked
package dev.hivemind.dht.expert;

import org.jspecify.annotations.NullMarked;
