package dev.hivemind.dht.lookup;

import dev.hivemind.dht.storage.DhtValue;

/** Where a {@link LookupRun} tells what it finds. Called on the node's loop. */
interface LookupSink {

    /** Whether something found still waits for demand, so that nobody else is to be asked meanwhile. */
    default boolean isBehind() {
        return false;
    }

    /** The subscriber wants more. */
    default void wanted() {}

    /** More has been found under a target. */
    default void grown(DhtValue value) {}

    /** One lookup has ended. */
    void ended(LookupResult result);

    /** All lookups have ended. */
    void complete();

    /** Something went wrong that is no peer's fault. */
    void fail(Throwable fault);
}
