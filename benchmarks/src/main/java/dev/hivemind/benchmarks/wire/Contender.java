package dev.hivemind.benchmarks.wire;

import java.time.Duration;

/** A transport with both of its ends, connected. */
interface Contender extends AutoCloseable {

    /** As rows call it. */
    String name();

    /** Whether it can do this at all. */
    boolean supports(Op op, int bytes);

    /** A call with a message of that size. The caller closes it. */
    Call call(Op op, int bytes);

    /** Streams messages of that size for about so long; returns when the last has arrived. */
    Tally stream(int bytes, Duration time) throws Exception;

    @Override
    void close();
}
