/**
 * A distributed hash table: Kademlia with expiring records and subkeys, over the connections of a
 * {@link dev.hivemind.rsocket.PeerNode}.
 *
 * <p>{@link dev.hivemind.dht.Dht} is what applications use: get and store as {@code Mono} and {@code Flux}.
 * {@link dev.hivemind.dht.DhtNode} is the node behind it. All state of a node is confined to one loop, without locks;
 * results leave the loop before user code sees them.
 */
@NullMarked
package dev.hivemind.dht;

import org.jspecify.annotations.NullMarked;
