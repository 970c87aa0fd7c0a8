package dev.hivemind.moe.client;

import dev.hivemind.rsocket.identity.PeerId;
import reactor.core.scheduler.Scheduler;

/**
 * What all calls of one client share.
 *
 * @param tensors the client's tensor thread
 * @param gate bounds what is under way
 * @param backoff peers that failed of late
 * @param channels long-lived channels, for those calls that take them
 */
record ExpertCalls(Scheduler tensors, CallGate gate, Backoff<PeerId> backoff, CallChannels channels) {

    /** The same, but arrays are made and read on another client's tensor thread. */
    ExpertCalls on(Scheduler otherTensors) {
        return new ExpertCalls(otherTensors, gate, backoff, channels);
    }
}
