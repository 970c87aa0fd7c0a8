package dev.hivemind.dht.lookup;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtValue;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a lookup found.
 *
 * @param target what was approached
 * @param closest the peers nearest to the target, nearest first, without the asking node itself; all of them answered,
 *     unless fewer had to
 * @param value what is stored at the target, merged from all answers; null if nothing, or if no values were wanted
 * @param nearestWithout the nearest peer that answered and had nothing, while others had; null if there is none
 * @param stats what it cost
 */
public record LookupResult(
        NodeId target,
        List<Contact> closest,
        @Nullable DhtValue value,
        @Nullable Contact nearestWithout,
        LookupStats stats) {

    public LookupResult {
        closest = List.copyOf(closest);
    }
}
