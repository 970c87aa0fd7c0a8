/**
 * What DHT nodes ask each other: ping, find and store.
 *
 * <p>{@link dev.hivemind.dht.rpc.DhtRpc} is how a node asks and {@link dev.hivemind.dht.rpc.DhtHandler} how it answers;
 * {@link dev.hivemind.dht.rpc.DhtTransport} carries both, {@link dev.hivemind.dht.rpc.RSocketDhtTransport} over
 * connections whose peers have proven their ids. Every field is checked on the way in. The messages are specified in
 * {@code dht.proto}.
 */
@NullMarked
package dev.hivemind.dht.rpc;

import org.jspecify.annotations.NullMarked;
