package dev.hivemind.rsocket;

import java.util.concurrent.Callable;
import reactor.core.publisher.Mono;

/**
 * How many bytes of replies one connection may hold, from when their calls are given to handlers until the last piece is
 * handed over. Calls for whose reply there is no room wait with nothing but their request. Thread-safe.
 *
 * <p>How long a reply will be is guessed: as long as the request, or as the replies before it.
 */
final class ReplyRoom {

    private final FairGate gate;
    private volatile long likelyBytes;

    /**
     * Room for no reply yet.
     *
     * @param maxBytes bytes of replies; a longer one is there alone
     * @param likelyBytes the guess as long as there was no reply
     */
    ReplyRoom(long maxBytes, long likelyBytes) {
        this.gate = new FairGate(maxBytes);
        this.likelyBytes = likelyBytes;
    }

    /** Asks for the place of the reply to a request of so many bytes. */
    Place enter(int requestBytes) {
        return new Place(gate.enter(Math.max(requestBytes, likelyBytes)));
    }

    /** Rises at once, and falls slowly: the guess is to err on the safe side. */
    private void learn(long replyBytes) {
        long guess = likelyBytes;
        if (replyBytes != guess) {
            likelyBytes = Math.max(replyBytes, guess / 2);
        }
    }

    /** The place of one reply. */
    final class Place {

        private final FairGate.Pass pass;
        private volatile boolean filled;

        private Place(FairGate.Pass pass) {
            this.pass = pass;
        }

        /** Calls when there is room, but not after the deadline. */
        Mono<Reply> whenOpen(Request request, Mono<Reply> call) {
            Mono<Void> opened = pass.opened();
            return opened instanceof Callable
                    ? call
                    : Deadlines.enforce(
                            opened.then(call), request.header().deadline().remaining());
        }

        /** The reply is there, and its holder calls {@link #leave}. */
        void fill(int replyBytes) {
            learn(replyBytes);
            pass.change(replyBytes);
            filled = true;
        }

        /** The call has ended: without a reply, nobody needs the place. */
        void endCall() {
            if (!filled) {
                pass.leave();
            }
        }

        /** The reply is handed over or given up. Idempotent. */
        void leave() {
            pass.leave();
        }
    }
}
