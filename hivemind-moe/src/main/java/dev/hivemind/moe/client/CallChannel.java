package dev.hivemind.moe.client;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Route;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * Calls of one route that share one channel of a connection, each with an answer of its own. The channel opens with the
 * first call. When it ends, calls under way fail, and so does every further one. Thread-safe.
 */
final class CallChannel implements Disposable {

    private static final Duration RETRY_AFTER = Duration.ofMillis(10);

    /**
     * For the reason why a peer takes no more calls. It is sent right behind, but on a busy machine or a slow link it may
     * come much later, and whoever did not wait for it would take a peer without room for one that is gone, which is left
     * alone for seconds. Only a peer that never tells a reason costs all of it.
     */
    private static final Duration REASON_PATIENCE = Duration.ofSeconds(1);

    private final PeerConnection connection;
    private final Route route;
    private final CallQueue queue;
    private final Scheduler timers;
    private final DeadlineWatch deadlines;
    private final Map<CallId, StreamedCall> underWay = new ConcurrentHashMap<>();
    private final AtomicBoolean opened = new AtomicBoolean();
    private final Disposable.Swap replies = Disposables.swap();
    private final AtomicReference<@Nullable Throwable> end = new AtomicReference<>();

    /**
     * A channel that is not open yet.
     *
     * @param maxWaiting calls that wait until the peer asks for them
     * @param timers where deadlines pass
     */
    CallChannel(PeerConnection connection, Route route, int maxWaiting, Scheduler timers) {
        this.connection = connection;
        this.route = route;
        this.queue = new CallQueue(maxWaiting, this::take, this::refuse);
        this.timers = timers;
        this.deadlines = new DeadlineWatch(timers, this::expire);
    }

    PeerConnection connection() {
        return connection;
    }

    /**
     * The answer to one call, which the receiver owns. Until the peer asks for the call, it waits here and can be given up
     * without a trace; after that, the peer is told.
     *
     * <p>Errors: {@link OverloadedException} when too many wait, {@link DeadlineExceededException} when it waits too long,
     * {@link PeerUnavailableException} when the channel ends, and what the peer answers.
     */
    Mono<Reply> send(PendingRequest request) {
        return new Mono<>() {
            @Override
            public void subscribe(CoreSubscriber<? super Reply> receiver) {
                receiver.onSubscribe(new StreamedCall(CallChannel.this, request, receiver));
            }
        };
    }

    /** A call whose answer is wanted. What may end it in the meantime looks for it, or it looks for that. */
    void begin(StreamedCall call) {
        underWay.put(call.id(), call);
        if (!queue.offer(call)) {
            fail(call, new OverloadedException("Too many calls wait for the peer to take them", RETRY_AFTER));
            return;
        }
        deadlines.add(call.deadline());
        open();
        Throwable ended = end.get();
        if (ended != null) {
            fail(call, ended);
        } else if (call.isOver()) {
            giveUp(call, false);
        }
    }

    /** One subscription for all calls, which is kept and ends with the channel. */
    private void open() {
        if (opened.compareAndSet(false, true)) {
            replies.update(connection.stream(route, queue)
                    .subscribe(
                            this::deliver,
                            this::end,
                            () -> end(new PeerUnavailableException("The peer has closed the channel"))));
        }
    }

    /**
     * Nobody waits for the answer any more.
     *
     * @param sent whether the peer is to be told
     */
    void giveUp(StreamedCall call, boolean sent) {
        boolean removed = underWay.remove(call.id(), call);
        queue.remove(call);
        if (removed && sent) {
            tellPeer(call);
        }
    }

    /** Ends as soon as it has begun, since nothing comes back: there is nothing to dispose of. */
    private void tellPeer(StreamedCall call) {
        connection.giveUp(call.id()).subscribe();
    }

    private @Nullable Request take(StreamedCall call) {
        try {
            return call.take(connection);
        } catch (RuntimeException | Error unreadable) {
            fail(call, unreadable);
            return null;
        }
    }

    private void deliver(Reply reply) {
        StreamedCall call = underWay.remove(reply.callId());
        if (call == null) {
            reply.release();
        } else {
            call.succeed(reply);
        }
    }

    private void fail(StreamedCall call, Throwable error) {
        queue.remove(call);
        if (underWay.remove(call.id(), call)) {
            call.fail(error);
        }
    }

    private void expire() {
        for (StreamedCall call : underWay.values()) {
            if (call.deadline().isPast()) {
                fail(call, new DeadlineExceededException("The expert did not answer within the deadline"));
            } else {
                deadlines.add(call.deadline());
            }
        }
    }

    /**
     * A peer that takes no more calls does not answer those that wait: all begin anew elsewhere. A channel that fails also
     * takes no more, a moment before it says why; that error comes first.
     */
    private void refuse() {
        if (end.get() == null) {
            try {
                timers.schedule(this::endRefused, REASON_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException closed) {
                endRefused();
            }
        }
    }

    private void endRefused() {
        end(new PeerUnavailableException("The peer takes no more calls on the channel"));
        replies.dispose();
    }

    /** The first end is the one that all calls hear of. */
    private void end(Throwable error) {
        if (end.compareAndSet(null, error)) {
            deadlines.dispose();
            queue.close();
            underWay.values().forEach(call -> fail(call, error));
        }
    }

    /** Fails and cancels what is under way. */
    @Override
    public void dispose() {
        end(new PeerUnavailableException("The channel is closed"));
        replies.dispose();
    }

    @Override
    public boolean isDisposed() {
        return end.get() != null;
    }
}
