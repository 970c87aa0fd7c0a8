package dev.hivemind.dht.lookup;

import dev.hivemind.dht.routing.Contact;

/** Hears how the peers behave that a lookup asks. Called on the node's loop. */
public interface LookupListener {

    /** A peer answered. */
    void answered(Contact contact);

    /** A call to a peer failed. */
    void failed(Contact contact, Throwable error);
}
