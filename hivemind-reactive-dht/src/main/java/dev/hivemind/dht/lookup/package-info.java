/**
 * Iterative lookups: asking ever nearer peers for the nodes, or the value, at an id.
 *
 * <p>{@link dev.hivemind.dht.lookup.LookupRunner} turns a {@link dev.hivemind.dht.lookup.LookupRequest} into a
 * {@code Mono} of a {@link dev.hivemind.dht.lookup.LookupResult}. The walk itself is a state machine without threads,
 * clocks or I/O; the runner feeds it answers and timeouts on the node's loop and sends what it asks for. Cancelling
 * gives up every call under way.
 */
@NullMarked
package dev.hivemind.dht.lookup;

import org.jspecify.annotations.NullMarked;
