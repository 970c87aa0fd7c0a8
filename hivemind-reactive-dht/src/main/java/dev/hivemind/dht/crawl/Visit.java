package dev.hivemind.dht.crawl;

import static java.util.Objects.requireNonNull;

import dev.hivemind.dht.routing.Contact;
import java.time.Duration;
import java.util.List;

/**
 * One node, visited.
 *
 * @param peer whom it was
 * @param answers whether it answered in time
 * @param took from the question to the answer or failure, dialling included
 * @param named the contacts that it named, distinct
 */
public record Visit(Contact peer, boolean answers, Duration took, List<Contact> named) {

    public Visit {
        requireNonNull(peer, "peer");
        requireNonNull(took, "took");
        named = List.copyOf(named);
    }

    /** How many different nodes it named. */
    public long knows() {
        return named.stream().map(Contact::id).distinct().count();
    }
}
