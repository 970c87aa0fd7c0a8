package dev.hivemind.dht.lookup;

import dev.hivemind.dht.routing.Contact;

/** Hears how the peers behave that a lookup asks. Called on the node's loop. */
public interface LookupListener {

    /** A peer answered; the contact is as the peer describes itself. */
    void answered(Contact contact);

    /** A lookup ended while a peer was past the soft timeout: it is slow or gone, and nobody waits for it any more. */
    void silent(Contact contact);

    /** A call to a peer failed; the contact is as it was tried, which may be as others described it. */
    void failed(Contact contact, Throwable error);
}
