package dev.hivemind.dht.rpc;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.storage.DhtValue;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a peer knows of one id.
 *
 * @param closest the contacts that it knows nearest to the id, nearest first, at most {@value #MAX_CONTACTS}
 * @param value what it keeps there, or null
 */
public record FindResult(List<Contact> closest, @Nullable DhtValue value) {

    /** The most contacts for one id. */
    public static final int MAX_CONTACTS = 20;

    public FindResult {
        closest = List.copyOf(closest);
        if (closest.size() > MAX_CONTACTS) {
            throw new IllegalArgumentException("A result names at most %d contacts".formatted(MAX_CONTACTS));
        }
    }
}
