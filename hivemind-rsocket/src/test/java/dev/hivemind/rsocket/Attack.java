package dev.hivemind.rsocket;

import java.io.IOException;

/**
 * A row of the table of attacks.
 *
 * @param name what the attacker does
 * @param gets what the attacker gets: "closed", the name of a typed error, "answered", or "nothing" if it reads nothing
 * @param heldBytes the most bytes of buffers that the node holds meanwhile, those of the honest peer among them
 * @param code plays it, and returns what the attacker got
 * @param end which limit of the node is short, lest the test take long; the others are too long to matter
 */
record Attack(String name, String gets, long heldBytes, Code code, End end) {

    /** What ends an attack. */
    enum End {
        /** Nothing that takes time. */
        AT_ONCE,
        /** The time in which a connection is to be proven. */
        UNPROVEN,
        /** The time in which a body is to go on. */
        STALLED
    }

    Attack(String name, String gets, long heldBytes, Code code) {
        this(name, gets, heldBytes, code, End.AT_ONCE);
    }

    /** The same, which ends like this. */
    Attack endedAs(End other) {
        return new Attack(name, gets, heldBytes, code, other);
    }

    /** Plays an attack. */
    @FunctionalInterface
    interface Code {

        String play(HostilePeersTest.Arena arena) throws IOException;
    }

    @Override
    public String toString() {
        return name + ": " + gets + ", at most " + heldBytes / 1_024 + " KiB held";
    }
}
