package dev.hivemind.dht.routing;

import org.jspecify.annotations.Nullable;

/**
 * What a {@link RoutingTable} made of a contact.
 *
 * @param outcome where the contact ended up
 * @param questionable with {@link Outcome#REPLACEMENT}, the contact that would have to give way: whoever offered pings
 *     it and reports the result; null when all have answered lately, or are being pinged already
 */
public record Offer(Outcome outcome, @Nullable Contact questionable) {

    /** Where an offered contact ended up. */
    public enum Outcome {
        /** In a bucket. */
        ADDED,
        /** It was in a bucket already, and counts as alive and seen just now. */
        UPDATED,
        /** The bucket is full of older contacts; it waits until one of them fails. */
        REPLACEMENT,
        /** It is the table's owner, or a client-only peer. */
        REJECTED
    }

    static Offer of(Outcome outcome) {
        return new Offer(outcome, null);
    }
}
