package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.ReplyTooLargeException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.transport.SendWindow;
import io.rsocket.Payload;
import io.rsocket.RSocketErrorException;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeoutException;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Serves the calls of one connection: one by one, or as a channel of many. */
final class CallService {

    /** Calls of one channel that are served at once. */
    static final int CALLS_PER_CHANNEL = 16;

    /** Before the first reply on a channel of a single call is known. */
    private static final int LIKELY_REPLY_BYTES = 2 << 20;

    private static final Duration RETRY_AFTER = Duration.ofMillis(100);

    private static final Logger LOG = LoggerFactory.getLogger(CallService.class);

    private final NodeCalls calls;
    private final SendWindow window;
    private final LinkActivity activity;
    private final CallLimits limits;
    private final ReplyRoom smallReplies;
    private final ReplyRoom replies;
    private final GivenUpCalls givenUp = new GivenUpCalls();

    CallService(NodeCalls calls, SendWindow window, LinkActivity activity) {
        this.calls = calls;
        this.window = window;
        this.activity = activity;
        this.limits = new CallLimits(calls.limits());
        this.smallReplies = new ReplyRoom(calls.limits().maxReplyBytes(), PayloadCodec.MAX_BODY_BYTES);
        this.replies = new ReplyRoom(calls.limits().maxReplyBytes(), LIKELY_REPLY_BYTES);
    }

    /** The answer to a request that one payload held; borrows the request until the Mono ends. */
    Mono<Payload> answer(Mono<PeerConnection> caller, Request request) {
        return Mono.using(
                () -> smallReplies.enter(request.body().readableBytes()),
                place -> counted(request, place.whenOpen(request, caller.flatMap(peer -> serveSmall(peer, request))))
                        .flatMap(reply -> paced(reply, place))
                        .map(reply -> calls.codec().encode(request.header(), reply))
                        .transform(Discards::released),
                ReplyRoom.Place::leave);
    }

    private Mono<Reply> serveSmall(PeerConnection caller, Request request) {
        return serve(caller, request).flatMap(reply -> withhold(caller, request, reply));
    }

    /** A reply that one payload holds; any other is kept until the caller asks for it on a channel. */
    private Mono<Reply> withhold(PeerConnection caller, Request request, Reply reply) {
        int bytes = reply.body().readableBytes();
        if (PayloadCodec.fits(bytes)) {
            return Mono.just(reply);
        }
        calls.withheld().put(caller.peerId(), request.header().callId(), reply);
        return Mono.error(
                new ReplyTooLargeException("A reply of %d bytes has to be asked for on a channel".formatted(bytes)));
    }

    /** Waits for the window. */
    private Mono<Reply> paced(Reply reply, ReplyRoom.Place place) {
        int bytes = reply.body().readableBytes();
        place.fill(bytes);
        if (bytes <= OutgoingCalls.MAX_UNPACED_BYTES) {
            return Mono.just(reply);
        }
        Mono<Void> room = window.awaitRoom();
        return room instanceof Callable
                ? Mono.just(reply)
                : Mono.using(
                        () -> reply, queued -> room.then(Mono.fromSupplier(() -> retained(queued))), Reply::release);
    }

    private static Reply retained(Reply reply) {
        reply.body().retain();
        return reply;
    }

    /** Replies to the calls of a channel, in the order in which they are ready. */
    Flux<Payload> answerAll(PeerConnection caller, Publisher<Payload> payloads) {
        Flux<Message> answers = Flux.using(
                this::openChannel,
                channel -> new OwningFlatMap<>(
                        questions(caller, payloads), message -> answer(caller, message, channel), CALLS_PER_CHANNEL),
                this::closeChannel);
        return new MessageChunks(answers, window).onErrorComplete(CallerGoneException.class);
    }

    private ServedChannel openChannel() {
        limits.enterChannel();
        return new ServedChannel(activity, replies);
    }

    private void closeChannel(ServedChannel channel) {
        channel.close();
        limits.leaveChannel();
    }

    private Flux<Message> questions(PeerConnection caller, Publisher<Payload> payloads) {
        return new MessageAssembler(
                Flux.from(payloads).onErrorMap(CallerGoneException::new), calls.limits(caller.peerId()));
    }

    /** The caller does not wait any more for the answer to a call that came on a channel, or will come. */
    void giveUp(CallId call) {
        givenUp.giveUp(call);
    }

    /** What a subscription emits; borrows the request until the Flux ends. */
    Flux<Payload> publish(PeerConnection caller, Request request) {
        int bytes = request.body().readableBytes();
        Flux<Message> replies = Flux.using(
                () -> limits.enter(bytes),
                entered -> Deadlines.enforce(
                                calls.subscriptions().dispatch(caller, request),
                                request.header().deadline())
                        .map(reply -> Message.of(request.header(), reply))
                        .transform(Discards::released),
                entered -> entered.leave(bytes));
        return new MessageChunks(replies, window);
    }

    /** Takes over the message. A call that fails does not end the channel. */
    private Mono<Message> answer(PeerConnection caller, Message message, ServedChannel channel) {
        var request = new Request(message.header(), message.body());
        return Mono.using(
                () -> channel.enter(request),
                call -> givenUp.until(request.header().callId(), reply(caller, request, call))
                        .map(reply -> toMessage(request, reply, call))
                        .onErrorResume(error -> Mono.just(failure(request, error)))
                        .transform(Discards::released),
                call -> {
                    request.release();
                    call.endWork();
                });
    }

    private Mono<Reply> reply(PeerConnection caller, Request request, ServedChannel.Call call) {
        return Mono.defer(() -> {
                    call.requireAccepted();
                    return counted(
                            request, call.place().whenOpen(request, Mono.defer(() -> takeOrServe(caller, request))));
                })
                .switchIfEmpty(Mono.error(PeerConnection::noAnswer));
    }

    private static Message toMessage(Request request, Reply reply, ServedChannel.Call call) {
        int bytes = reply.body().readableBytes();
        if (call.tryAnswer(bytes)) {
            return Message.of(request.header(), reply, call::leave);
        }
        reply.release();
        return failure(
                request, new OverloadedException("No room for a reply of %d bytes now".formatted(bytes), RETRY_AFTER));
    }

    private static Message failure(Request request, Throwable error) {
        logUnexpected(error);
        return Message.failure(request.header(), ErrorCodec.toText(known(error)));
    }

    /** Timeouts are known to {@link ErrorCodec#fromWire} alone. */
    private static Throwable known(Throwable error) {
        return error instanceof TimeoutException ? ErrorCodec.fromWire(error) : error;
    }

    private Mono<Reply> takeOrServe(PeerConnection caller, Request request) {
        Reply withheld = calls.withheld().take(caller.peerId(), request.header().callId());
        return withheld != null ? Mono.just(withheld) : serve(caller, request);
    }

    private Mono<Reply> serve(PeerConnection caller, Request request) {
        return Mono.defer(() -> {
            if (request.header().deadline().isNever()) {
                return Mono.error(new ProtocolViolationException("Every call carries a deadline"));
            }
            Mono<Reply> reply = calls.handlers().dispatch(caller, request);
            return reply instanceof Callable
                    ? reply
                    : Deadlines.enforce(reply, request.header().deadline().remaining());
        });
    }

    /** Counts a call while it is served. A large body counts in the node's budget. */
    private Mono<Reply> counted(Request request, Mono<Reply> call) {
        int bytes = request.body().readableBytes();
        int small = PayloadCodec.fits(bytes) ? bytes : 0;
        return Mono.using(() -> limits.enter(small), entered -> call, entered -> entered.leave(small));
    }

    /** What the caller signals, and the end of its connection, are no news. */
    static void logUnexpected(Throwable error) {
        boolean expected = error instanceof RpcException
                || error instanceof TimeoutException
                || error instanceof RSocketErrorException
                || error instanceof ClosedChannelException;
        if (!expected) {
            LOG.warn("A call failed in its handler", error);
        }
    }

    /** RSocket has ended both directions of a channel when it says so, and would log any error that follows. */
    private static final class CallerGoneException extends RuntimeException {

        CallerGoneException(Throwable cause) {
            super("The caller ended the channel", cause, false, false);
        }
    }
}
