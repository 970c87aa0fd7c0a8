package dev.hivemind.dht;

import dev.hivemind.dht.rpc.DhtTransport;
import dev.hivemind.dht.storage.RecordValidator;
import java.time.Clock;

/**
 * What a node finds around it.
 *
 * @param transport who it is, and how messages travel
 * @param clock tells what has expired
 * @param schedulers where it works
 * @param validator which records it keeps and believes
 * @param contactFile where it remembers contacts
 */
record NodeSurroundings(
        DhtTransport transport,
        Clock clock,
        NodeSchedulers schedulers,
        RecordValidator validator,
        ContactFile contactFile) {}
