package dev.hivemind.rsocket;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One channel of calls that this side serves. Counts as activity of its link until its first call has arrived, and from
 * then on as long as one of its calls is served or answered. Thread-safe.
 */
final class ServedChannel {

    private final LinkActivity activity;
    private final ReplyRoom replies;
    private final ReplyRoom.Guess guess = new ReplyRoom.Guess();
    private final AtomicBoolean opening = new AtomicBoolean(true);

    ServedChannel(LinkActivity activity, ReplyRoom replies) {
        this.activity = activity;
        this.replies = replies;
        activity.begin();
    }

    /** A call of which all has arrived. */
    Call enter(Request request) {
        int bytes = request.body().readableBytes();
        boolean ofStream = request.header().waitsForRoom();
        var call = new Call(ofStream ? replies.enter(bytes, guess) : replies.enter(bytes), ofStream);
        return endOpening() ? call.acceptedBefore() : call;
    }

    /** The channel has ended. */
    void close() {
        endOpening();
    }

    private boolean endOpening() {
        boolean first = opening.compareAndSet(true, false);
        if (first) {
            activity.end();
        }
        return first;
    }

    /** One call, and the place of its reply. */
    final class Call {

        private final ReplyRoom.Place place;
        private final boolean ofStream;
        private final AtomicBoolean gone = new AtomicBoolean();
        private volatile boolean answered;
        private boolean accepted;

        private Call(ReplyRoom.Place place, boolean ofStream) {
            this.place = place;
            this.ofStream = ofStream;
            activity.begin();
        }

        private Call acceptedBefore() {
            accepted = true;
            return this;
        }

        /** @throws dev.hivemind.rsocket.error.PeerUnavailableException if the node closes and has not accepted the call before */
        void requireAccepted() {
            if (!accepted) {
                activity.requireOpen();
            }
        }

        ReplyRoom.Place place() {
            return place;
        }

        /** The reply is there, and its holder calls {@link #leave}, unless there is no room for it. */
        boolean tryAnswer(int replyBytes) {
            if (ofStream && !place.tryFill(replyBytes)) {
                return false;
            }
            if (!ofStream) {
                place.fill(replyBytes);
            }
            answered = true;
            return true;
        }

        /** The work has ended; without a reply, the call has. */
        void endWork() {
            if (!answered) {
                leave();
            }
        }

        /** The reply is handed over or given up. Idempotent. */
        void leave() {
            place.leave();
            if (gone.compareAndSet(false, true)) {
                activity.end();
            }
        }
    }
}
