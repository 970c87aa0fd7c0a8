package dev.hivemind.moe.mixture;

import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.identity.PeerId;

/**
 * A call that came to nothing.
 *
 * @param peer the owner that was asked last; if nobody was, the one that is called as long as nothing speaks for another
 * @param dispensable whether the answer was only not waited for, because there were enough others
 * @param nanos from the call to its failure
 * @param peerNanos how much of that the peer had, after others that were asked before; {@link #NOBODY_ASKED} if the call
 *     did not get so far
 */
record Failure(Group group, PeerId peer, RpcException error, boolean dispensable, long nanos, long peerNanos) {

    static final long NOBODY_ASKED = -1;

    boolean wasAsked() {
        return peerNanos != NOBODY_ASKED;
    }
}
