package dev.hivemind.dht.expert;

import static java.util.Objects.requireNonNull;

/**
 * Somebody came, went or changed under a watched prefix.
 *
 * @param kind what happened
 * @param coordinate the one that follows the prefix
 * @param expert whom it happened to, as last declared
 */
public record DirectoryChange(Kind kind, int coordinate, ExpertDescriptor expert) {

    /** What can happen. */
    public enum Kind {
        /** An owner declared an expert there. */
        JOINED,
        /** An owner withdrew its expert, or let it expire. */
        LEFT,
        /** An owner declares another expert there, or another status or addresses of it. */
        CHANGED
    }

    public DirectoryChange {
        requireNonNull(kind, "kind");
        requireNonNull(expert, "expert");
    }
}
