package dev.hivemind.moe.client;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;

/**
 * One call of a {@link CallChannel}, whose answer somebody awaits. Begins when that is requested. Whoever ends it first,
 * by an answer, an error or cancellation, decides: an answer is received, or released here, exactly once. Thread-safe.
 */
final class StreamedCall implements Subscription {

    private final CallChannel channel;
    private final PendingRequest request;
    private final CoreSubscriber<? super Reply> receiver;
    private final AtomicReference<Stage> stage = new AtomicReference<>(Stage.NEW);

    private enum Stage {
        NEW,
        WAITING,
        SENT,
        ENDED
    }

    StreamedCall(CallChannel channel, PendingRequest request, CoreSubscriber<? super Reply> receiver) {
        this.channel = channel;
        this.request = request;
        this.receiver = receiver;
    }

    CallId id() {
        return request.id();
    }

    Deadline deadline() {
        return request.deadline();
    }

    @Override
    public void request(long n) {
        if (stage.compareAndSet(Stage.NEW, Stage.WAITING)) {
            channel.begin(this);
        }
    }

    /** The request as the peer understands it, owned by the caller; null if nobody waits for its answer any more. */
    @Nullable Request take(PeerConnection connection) {
        return stage.compareAndSet(Stage.WAITING, Stage.SENT) ? request.take(connection::supports) : null;
    }

    /** Takes the reply over. */
    void succeed(Reply reply) {
        if (end() == Stage.ENDED) {
            reply.release();
        } else if (reply.error() == null) {
            receiver.onNext(reply);
            receiver.onComplete();
        } else {
            reply.release();
            receiver.onError(reply.error());
        }
    }

    void fail(Throwable error) {
        if (end() != Stage.ENDED) {
            receiver.onError(error);
        }
    }

    @Override
    public void cancel() {
        Stage before = end();
        if (before != Stage.ENDED) {
            channel.giveUp(this, before == Stage.SENT);
        }
    }

    boolean isOver() {
        return stage.get() == Stage.ENDED;
    }

    /** Returns where it was. */
    private Stage end() {
        return stage.getAndSet(Stage.ENDED);
    }
}
