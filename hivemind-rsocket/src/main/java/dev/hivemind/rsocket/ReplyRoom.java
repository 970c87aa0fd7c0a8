package dev.hivemind.rsocket;

import java.util.concurrent.Callable;
import reactor.core.publisher.Mono;

/**
 * How many bytes of replies one connection may hold, from when their calls are given to handlers until the last piece is
 * handed over. Calls for whose reply there is no room wait with nothing but their request. Thread-safe.
 *
 * <p>How long a reply will be is guessed: as long as the request, or as the replies before it. The calls of a stream are
 * alike, and have a guess of their own, so that those which take long do not keep more room from others than they need.
 */
final class ReplyRoom {

    private final FairGate gate;
    private final Guess ofAll;

    /**
     * Room for no reply yet.
     *
     * @param maxBytes bytes of replies; a longer one is there alone
     * @param likelyBytes the guess as long as there was no reply
     */
    ReplyRoom(long maxBytes, long likelyBytes) {
        this.gate = new FairGate(maxBytes);
        this.ofAll = new Guess(likelyBytes);
    }

    /** Asks for the place of the reply to a request of so many bytes, of which nothing is known. */
    Place enter(int requestBytes) {
        return enter(requestBytes, ofAll);
    }

    /** Asks for the place of the reply to a request of so many bytes, of a stream. */
    Place enter(int requestBytes, Guess ofStream) {
        return new Place(gate.enter(ofStream.replyTo(requestBytes)), ofStream);
    }

    /** What replies of one kind took lately. */
    static final class Guess {

        private volatile long likelyBytes;

        /** At first, no reply is thought to be longer than its request. */
        Guess() {
            this(0);
        }

        private Guess(long likelyBytes) {
            this.likelyBytes = likelyBytes;
        }

        private long replyTo(int requestBytes) {
            return Math.max(requestBytes, likelyBytes);
        }

        /** Rises at once, and falls slowly: the guess is to err on the safe side. */
        private void learn(long replyBytes) {
            long guess = likelyBytes;
            if (replyBytes != guess) {
                likelyBytes = Math.max(replyBytes, guess / 2);
            }
        }
    }

    /** The place of one reply. */
    static final class Place {

        private final FairGate.Pass pass;
        private final Guess guess;

        private Place(FairGate.Pass pass, Guess guess) {
            this.pass = pass;
            this.guess = guess;
        }

        /** Calls when there is room, but not after the deadline. */
        Mono<Reply> whenOpen(Request request, Mono<Reply> call) {
            Mono<Void> opened = pass.opened();
            return opened instanceof Callable
                    ? call
                    : Deadlines.enforce(
                            opened.then(call), request.header().deadline().remaining());
        }

        /** {@link #fill} if there is room; calls of a stream may have been let in by a guess that was far too low. */
        boolean tryFill(int replyBytes) {
            guess.learn(replyBytes);
            return pass.tryChange(replyBytes);
        }

        /** The reply is there, and its holder calls {@link #leave}. */
        void fill(int replyBytes) {
            guess.learn(replyBytes);
            pass.change(replyBytes);
        }

        /** The reply is handed over or given up. Idempotent. */
        void leave() {
            pass.leave();
        }
    }
}
