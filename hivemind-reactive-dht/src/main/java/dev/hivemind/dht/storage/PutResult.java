package dev.hivemind.dht.storage;

/** What became of a record that somebody asked to keep. Every result but {@link #STORED} left everything as it was. */
public enum PutResult {
    /** It is kept. */
    STORED,
    /** Something at least as new is kept already. */
    STALE,
    /** It has expired. */
    EXPIRED,
    /** It would live longer than the node allows. */
    TOO_LONG_LIVED,
    /** There is no room for it under its key. */
    TOO_LARGE,
    /** The node is full of records that lie nearer to it. */
    FULL,
    /** It says whose it is, and that is not true. */
    UNAUTHENTIC,
    /** A validator of the node refuses it. */
    INVALID,
    /** Enough owners have entries of that name already. */
    CROWDED,
    /** The node knows too many peers that lie nearer to its key. */
    TOO_FAR
}
