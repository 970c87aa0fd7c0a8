package dev.hivemind.dht;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtValue;

/**
 * What was found under one of several keys.
 *
 * @param key the key
 * @param value what is stored there
 */
public record FoundValue(DhtKey key, DhtValue value) {

    public FoundValue {
        requireNonNull(key, "key");
        requireNonNull(value, "value");
    }
}
