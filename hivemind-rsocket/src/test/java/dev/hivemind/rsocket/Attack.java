package dev.hivemind.rsocket;

import java.io.IOException;

/**
 * A row of the table of attacks.
 *
 * @param name what the attacker does
 * @param gets what the attacker gets: "closed", the name of a typed error, "answered", or "nothing" if it reads nothing
 * @param heldBytes the most bytes of buffers that the node holds meanwhile, those of the honest peer among them
 * @param code plays it, and returns what the attacker got
 */
record Attack(String name, String gets, long heldBytes, Code code) {

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
