/**
 * Records and where a node keeps them.
 *
 * <p>A {@link dev.hivemind.dht.storage.DhtRecord} is what is stored: a key, perhaps a subkey, bytes, and the moment at
 * which they expire. A {@link dev.hivemind.dht.storage.DhtValue} is what is found under a key: one
 * {@link dev.hivemind.dht.storage.PlainRecord}, or a {@link dev.hivemind.dht.storage.DictionaryRecord} of subkeys.
 * Putting and merging are one operation, "newest wins" under a total order, so replicas agree whatever the order of
 * arrival. The {@link dev.hivemind.dht.storage.RecordStore} bounds how much and how long is kept.
 */
@NullMarked
package dev.hivemind.dht.storage;

import org.jspecify.annotations.NullMarked;
