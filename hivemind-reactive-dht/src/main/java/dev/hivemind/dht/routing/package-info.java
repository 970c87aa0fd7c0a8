/**
 * The address space of the DHT and what a node knows of it.
 *
 * <p>{@link dev.hivemind.dht.routing.NodeId}s are 256-bit numbers under the XOR metric; a
 * {@link dev.hivemind.dht.routing.Contact} is a peer with an id and addresses; the
 * {@link dev.hivemind.dht.routing.RoutingTable} keeps the contacts that answered, few from far away and many from
 * nearby, as in Maymounkov and Mazières, "Kademlia" (2002). Nothing here does I/O or knows of threads: a table belongs
 * to one loop.
 */
@NullMarked
package dev.hivemind.dht.routing;

import org.jspecify.annotations.NullMarked;
