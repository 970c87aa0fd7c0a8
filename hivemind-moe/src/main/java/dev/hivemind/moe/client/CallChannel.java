package dev.hivemind.moe.client;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/**
 * Calls that share one channel to one owner, each with an answer of its own. Ends with the channel: calls under way fail,
 * and so does every further one. Thread-safe.
 */
final class CallChannel implements Disposable {

    private static final Duration RETRY_AFTER = Duration.ofMillis(10);

    private final Owners owners;
    private final int turn;
    private final Sinks.Many<Waiting> outgoing;
    private final Map<CallId, Waiting> underWay = new ConcurrentHashMap<>();
    private final Disposable.Swap replies = Disposables.swap();
    private volatile @Nullable Throwable end;

    private CallChannel(Owners owners, int turn, int capacity) {
        this.owners = owners;
        this.turn = turn;
        this.outgoing = Sinks.many().unicast().onBackpressureBuffer(new ArrayBlockingQueue<>(capacity));
    }

    /**
     * Opens a channel.
     *
     * @param turn which of several owners
     * @param capacity calls that wait until the peer asks for them
     * @param deadline for the connection
     */
    static CallChannel start(Owners owners, int turn, int capacity, Deadline deadline) {
        var channel = new CallChannel(owners, turn, capacity);
        channel.open(deadline);
        return channel;
    }

    /** One subscription for all calls, which is kept and ends with the channel. */
    private void open(Deadline deadline) {
        replies.update(owners.call(turn, deadline, Mono::just)
                .flatMapMany(this::stream)
                .subscribe(this::deliver, this::fail, () -> fail(closedByPeer())));
    }

    private Flux<Reply> stream(PeerConnection connection) {
        var route = new Route(Operation.EXPERT_FORWARD, owners.uid().toString());
        return connection.stream(route, outgoing.asFlux().handle((call, requests) -> {
            Request request = call.take(connection);
            if (request != null) {
                requests.next(request);
            }
        }));
    }

    /**
     * Sends one call.
     *
     * @param hold takes replies over; a sink that is cancelled may drop them, so that they have to be known elsewhere
     */
    Mono<HeldReply> send(PendingRequest request, Function<Reply, HeldReply> hold) {
        return Mono.create(sink -> send(new Waiting(request, hold, sink)));
    }

    private void send(Waiting waiting) {
        underWay.put(waiting.id(), waiting);
        waiting.begin();
        Throwable ended = end;
        if (ended == null) {
            emit(waiting);
        } else {
            waiting.fail(ended);
        }
    }

    /**
     * Calls arrive from the tensor thread, and from timers when they are repeated, which may not even say that they spin: who
     * is in the way is so for some instructions.
     */
    private void emit(Waiting waiting) {
        Sinks.EmitResult result = outgoing.tryEmitNext(waiting);
        while (result == Sinks.EmitResult.FAIL_NON_SERIALIZED) {
            result = outgoing.tryEmitNext(waiting);
        }
        if (result.isFailure()) {
            waiting.fail(result == Sinks.EmitResult.FAIL_OVERFLOW ? noRoom() : closedByPeer());
        }
    }

    private static OverloadedException noRoom() {
        return new OverloadedException("Too many calls wait for the peer to take them", RETRY_AFTER);
    }

    private static PeerUnavailableException closedByPeer() {
        return new PeerUnavailableException("The peer has closed the channel");
    }

    private void deliver(Reply reply) {
        Waiting waiting = underWay.remove(reply.callId());
        if (waiting == null) {
            reply.release();
        } else {
            waiting.succeed(reply);
        }
    }

    private void fail(Throwable error) {
        end = error;
        underWay.values().forEach(waiting -> waiting.fail(error));
    }

    /** Cancels what is under way. */
    @Override
    public void dispose() {
        if (end == null) {
            fail(new PeerUnavailableException("The channel is closed"));
        }
        replies.dispose();
        outgoing.tryEmitComplete();
    }

    @Override
    public boolean isDisposed() {
        return end != null;
    }

    /**
     * A call whose answer is awaited. Who removes it from the calls under way decides what becomes of it. Queues of others
     * may hold it, and lose it: it has nothing that has to be released.
     */
    private final class Waiting implements Disposable {

        private final PendingRequest request;
        private final Function<Reply, HeldReply> hold;
        private final MonoSink<HeldReply> sink;
        private final Disposable.Swap timer = Disposables.swap();

        Waiting(PendingRequest request, Function<Reply, HeldReply> hold, MonoSink<HeldReply> sink) {
            this.request = request;
            this.hold = hold;
            this.sink = sink;
        }

        CallId id() {
            return request.id();
        }

        void begin() {
            sink.onDispose(this);
            long nanos = request.deadline().remaining().toNanos();
            timer.update(Schedulers.parallel().schedule(this::expire, nanos, TimeUnit.NANOSECONDS));
        }

        private void expire() {
            fail(new DeadlineExceededException("The expert did not answer within the deadline"));
        }

        /** The request as the peer understands it, owned by the caller; null if nobody waits for its answer any more. */
        @Nullable Request take(PeerConnection connection) {
            return underWay.get(id()) == this ? request.take(connection::supports) : null;
        }

        /** Takes the reply over; the call is no longer under way. */
        void succeed(Reply reply) {
            if (reply.error() == null) {
                sink.success(hold.apply(reply));
            } else {
                reply.release();
                sink.error(reply.error());
            }
        }

        void fail(Throwable error) {
            if (underWay.remove(id(), this)) {
                sink.error(error);
            }
        }

        @Override
        public void dispose() {
            underWay.remove(id(), this);
            timer.dispose();
        }
    }
}
