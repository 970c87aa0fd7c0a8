package dev.hivemind.rsocket;

import dev.hivemind.rsocket.CallMeters.Measured;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Route;
import java.util.concurrent.CancellationException;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.SynchronousSink;

/** Many calls over one channel, from the side that asks. For one subscriber. */
final class CallStream {

    /** Calls that were taken from the source and whose reply was not received. */
    static final int MAX_UNDER_WAY = 64;

    private final Link link;
    private final BodyIntake.Limits limits;
    private final Route route;
    private final UnaryOperator<Request> check;
    private final CallsUnderWay underWay;
    private volatile boolean sent;

    /** {@code check} throws for a request that may not be sent. */
    CallStream(Link link, BodyIntake.Limits limits, Route route, UnaryOperator<Request> check) {
        this.link = link;
        this.limits = limits;
        this.route = route;
        this.check = check;
        this.underWay = new CallsUnderWay(MAX_UNDER_WAY, link.activity());
    }

    /** Takes over the requests. */
    Flux<Reply> open(Flux<Request> requests) {
        var gate = new PermitGate<>(requests.onErrorMap(RequestsFailedException::new), MAX_UNDER_WAY);
        return OwningFlatMap.merge(answers(gate), underWay.expired())
                .doOnNext(delivered -> gate.release())
                .onErrorMap(CallStream::explain)
                .doFinally(end -> underWay.dispose())
                .transform(Discards::released);
    }

    private Flux<Reply> answers(Flux<Request> requests) {
        var questions = new MessageChunks(requests.handle(this::ask), link.window());
        return new MessageAssembler(link.rsocket().requestChannel(questions), limits)
                .doFinally(end -> questions.end())
                .handle(this::match)
                .concatWith(Mono.defer(this::requireAllAnswered))
                .onErrorResume(CancellationException.class, this::ignoreEmptySource)
                .doOnComplete(underWay::complete);
    }

    private void ask(Request request, SynchronousSink<Message> questions) {
        try {
            requireRoute(check.apply(request));
            if (underWay.add(request.header(), measured(request))) {
                sent = true;
                questions.next(new Message(request.header().waitingForRoom(), request.body()));
            } else {
                request.release();
            }
        } catch (IllegalArgumentException | RpcException refused) {
            request.release();
            questions.error(new RequestsFailedException(refused));
        }
    }

    private Measured measured(Request request) {
        return link.meters().client(request.header(), request.body().readableBytes());
    }

    private void requireRoute(Request request) {
        if (!route.matches(request.header())) {
            throw new IllegalArgumentException("A request for %s of '%s' is none of %s"
                    .formatted(request.header().operation(), request.header().target(), route));
        }
    }

    /** A reply to a call that nobody waits for any more is dropped. */
    private void match(Message answer, SynchronousSink<Reply> replies) {
        Measured call = underWay.remove(answer.header().callId());
        if (call == null) {
            answer.release();
        } else {
            replies.next(measured(call, PayloadCodec.toReply(answer)));
        }
    }

    private static Reply measured(Measured call, Reply reply) {
        call.received(reply.body().readableBytes());
        if (reply.error() == null) {
            call.succeeded();
        } else {
            call.failed(reply.error());
        }
        return reply;
    }

    private Mono<Reply> requireAllAnswered() {
        return underWay.isEmpty()
                ? Mono.empty()
                : Mono.error(new ProtocolViolationException("The peer ended the stream without answering all calls"));
    }

    /** RSocket takes a source without items for a mistake. */
    private Mono<Reply> ignoreEmptySource(CancellationException error) {
        return sent ? Mono.error(error) : Mono.empty();
    }

    private static Throwable explain(Throwable error) {
        return error instanceof RequestsFailedException failed ? failed.reason : ErrorCodec.fromWire(error);
    }

    /** Failures of the caller's own source: they stay as they are here, and the peer is told none of their text. */
    private static final class RequestsFailedException extends RuntimeException {

        private final transient Throwable reason;

        RequestsFailedException(Throwable reason) {
            super("The caller ended the stream with an error", reason);
            this.reason = reason;
        }
    }
}
