package dev.hivemind.moe.server;

import dev.hivemind.moe.server.batching.PoolListener;
import dev.hivemind.rsocket.frame.Operation;
import java.util.Map;

/** Watches the experts of one server. */
interface ExpertWatch {

    /** Hears of one direction of one expert. */
    PoolListener pool(String uid, Operation direction);

    /** The server serves from now on. */
    void started(Map<String, HostedExpert> experts);

    /** The server has ended. */
    void ended(Map<String, HostedExpert> experts);
}
