package dev.hivemind.moe.mixture;

import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.identity.PeerId;

/**
 * What came of a call: finite numbers of the shapes that the expert's schema promises.
 *
 * @param peer the owner that answered
 * @param reply whose memory belongs to whoever holds the {@link Answers}
 * @param nanos from the call to its answer
 */
record Answer(Group group, PeerId peer, Reply reply, long nanos) {}
