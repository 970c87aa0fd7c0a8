package dev.hivemind.rsocket;

import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.ReplyTooLargeException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import io.netty.buffer.Unpooled;
import io.rsocket.Payload;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Sends calls over one link: small ones as request-response, large ones as a channel of one call. */
final class OutgoingCalls {

    /** Bodies beyond this wait for the connection's window. */
    static final int MAX_UNPACED_BYTES = 16 * 1024;

    /** Calls on channels of their own; others wait. Fewer than every peer accepts, so that streams have room. */
    static final int MAX_CHANNEL_CALLS = ConnectionLimits.MIN_CHANNELS - 16;

    /** A message without an answer needs a deadline all the same. */
    private static final Duration GIVE_UP_TIME = Duration.ofSeconds(1);

    private final Link link;
    private final PayloadCodec codec;
    private final BodyIntake.Limits limits;
    private final FairGate channels = new FairGate(MAX_CHANNEL_CALLS);

    OutgoingCalls(Link link, PayloadCodec codec, BodyIntake.Limits limits) {
        this.link = link;
        this.codec = codec;
        this.limits = limits;
    }

    /** Borrows the request until the Mono ends; the receiver owns the reply. */
    Mono<Reply> send(Request request) {
        if (PayloadCodec.fits(request.body().readableBytes()) && PayloadCodec.fits(request.expectedReplyBytes())) {
            return onRequestResponse(request)
                    .onErrorResume(ReplyTooLargeException.class, tooLarge -> onChannel(request));
        }
        return onChannel(request);
    }

    private Mono<Reply> onRequestResponse(Request request) {
        return within(
                request,
                paced(request, Mono.defer(() -> link.rsocket().requestResponse(codec.encode(request))))
                        .map(answer -> codec.decodeReply(request.header(), answer))
                        .onErrorMap(ErrorCodec::fromWire)
                        .transform(Discards::released));
    }

    /** Takes over the requests; {@code check} throws for one that may not be sent. */
    Flux<Reply> stream(Route route, Flux<Request> requests, UnaryOperator<Request> check) {
        return Flux.defer(() -> new CallStream(link, limits, route, check).open(requests));
    }

    /** Sends at once. */
    Mono<Void> giveUp(CallId call) {
        return Mono.defer(() -> {
            var header = new FrameHeader(Operation.CANCEL, "", call, Deadline.after(GIVE_UP_TIME), 0, List.of());
            return link.rsocket().fireAndForget(codec.encode(new Request(header, Unpooled.EMPTY_BUFFER)));
        });
    }

    /** Borrows the request until the Flux ends; the receiver owns the replies. */
    Flux<Reply> subscribe(Request request) {
        return Flux.defer(() -> {
            Flux<Payload> answers = link.rsocket().requestStream(codec.encode(request));
            return new MessageAssembler(answers, limits)
                    .map(answer -> PayloadCodec.requireAnswer(request.header(), PayloadCodec.toReply(answer)))
                    .transform(replies ->
                            Deadlines.enforce(replies, request.header().deadline()))
                    .transform(Discards::released);
        });
    }

    private Mono<Payload> paced(Request request, Mono<Payload> call) {
        if (request.body().readableBytes() <= MAX_UNPACED_BYTES) {
            return call;
        }
        Mono<Void> room = link.window().awaitRoom();
        return room instanceof Callable ? call : room.then(call);
    }

    private Mono<Reply> onChannel(Request request) {
        return within(
                request,
                Mono.using(
                        () -> channels.enter(1),
                        turn -> turn.opened().then(link.activity().count(onFreeChannel(request))),
                        FairGate.Pass::leave));
    }

    private Mono<Reply> onFreeChannel(Request request) {
        return Mono.defer(() -> {
            Flux<Message> one = Mono.fromSupplier(() -> Message.of(request)).flux();
            var answers = link.rsocket().requestChannel(new MessageChunks(one, link.window()));
            return new MessageAssembler(answers, limits)
                    .singleOrEmpty()
                    .map(answer -> PayloadCodec.requireAnswer(request.header(), PayloadCodec.toReply(answer)))
                    .onErrorMap(IndexOutOfBoundsException.class, several -> severalAnswers())
                    .transform(Discards::released);
        });
    }

    /** Counts the deadline from when this is called. */
    private static Mono<Reply> within(Request request, Mono<Reply> call) {
        Duration remaining = request.header().deadline().remaining();
        if (remaining.isZero()) {
            return Mono.error(new DeadlineExceededException("The deadline had passed before the call was sent"));
        }
        return Deadlines.enforce(call, remaining).switchIfEmpty(Mono.error(PeerConnection::noAnswer));
    }

    private static ProtocolViolationException severalAnswers() {
        return new ProtocolViolationException("The peer answered one call several times");
    }
}
