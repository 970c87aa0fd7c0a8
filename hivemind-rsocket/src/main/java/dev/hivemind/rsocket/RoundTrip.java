package dev.hivemind.rsocket;

import java.time.Duration;

/** How long a message and its answer take on one connection, smoothed. Thread-safe. */
final class RoundTrip {

    /** Of a new measurement; TCP weighs its own so. */
    private static final double WEIGHT = 0.125;

    private final CallMeters meters;
    private long nanos;

    RoundTrip(CallMeters meters) {
        this.meters = meters;
    }

    /** Takes note of a message that was sent then and is answered now. */
    void answered(long sentNanoTime) {
        long measured = System.nanoTime() - sentNanoTime;
        record(measured);
        meters.roundTrip(Duration.ofNanos(measured));
    }

    private synchronized void record(long measured) {
        nanos = nanos == 0 ? measured : (long) (nanos + WEIGHT * (measured - nanos));
    }

    /** Zero before the first measurement. */
    synchronized Duration smoothed() {
        return Duration.ofNanos(nanos);
    }
}
