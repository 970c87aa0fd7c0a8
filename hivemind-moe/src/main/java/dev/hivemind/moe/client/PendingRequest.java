package dev.hivemind.moe.client;

import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A request that is sent as often as needed until its call is over, which may be at any moment. Thread-safe. */
interface PendingRequest {

    CallId id();

    Operation operation();

    /** How long the call may take in all. */
    Duration timeout();

    Deadline deadline();

    /**
     * The request as a peer understands it, its tensors decompressed if need be. The caller owns it.
     *
     * @param supported what the peer understands
     * @return null once the call is over
     */
    @Nullable Request take(Predicate<Compression> supported);
}
