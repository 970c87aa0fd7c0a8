package dev.hivemind.dht.lookup;

import dev.hivemind.dht.routing.Contact;

/** A peer that a lookup knows of. Mutable, owned by its {@link Shortlist}. */
final class Candidate {

    /** How far the lookup got with a peer. */
    enum State {
        NEW,
        ASKED,
        /** Asked, and past the soft timeout. */
        SLOW,
        ANSWERED,
        FAILED
    }

    private final Contact contact;
    private final int hop;
    private State state = State.NEW;

    Candidate(Contact contact, int hop) {
        this.contact = contact;
        this.hop = hop;
    }

    Contact contact() {
        return contact;
    }

    /** How many referrals led here; 1 for a peer of the own table. */
    int hop() {
        return hop;
    }

    State state() {
        return state;
    }

    void state(State next) {
        state = next;
    }

    boolean is(State expected) {
        return state == expected;
    }

    /** Whether the peer may still become, or is, one of the nearest that answered in time. */
    boolean isHopeful() {
        return state == State.NEW || state == State.ASKED || state == State.ANSWERED;
    }
}
