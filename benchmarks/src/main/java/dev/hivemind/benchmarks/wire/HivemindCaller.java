package dev.hivemind.benchmarks.wire;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A peer that calls, with its connection to the one that serves. */
final class HivemindCaller implements AutoCloseable {

    static final Operation OPERATION = Operation.EXPERT_FORWARD;

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    /** Up to here a body is a view of what came from the network. */
    private static final int UNCOPIED_BYTES = 256 * 1_024;
    /** Comes before the number of bytes that a caller wants to have for nothing. */
    private static final String ASK = "ask/";

    private final PeerNode node;
    private final PeerConnection connection;
    private final Disposable.Composite demands = Disposables.composite();

    HivemindCaller(Loops loops, PeerAddress server) {
        node = PeerNode.builder().loops(loops.client()).connectTimeout(TIMEOUT).build();
        connection = requireNonNull(node.connect(server).block(TIMEOUT));
    }

    /** How large an answer is asked for by a target; 0 if the target asks for something else. */
    static int askedBytes(String target) {
        return target.startsWith(ASK) ? Integer.parseInt(target.substring(ASK.length())) : 0;
    }

    /** All bytes of a tensor, which is taken over. */
    static TensorFrame frame(ByteBuf tensor) {
        return new TensorFrame(TensorDescriptor.of(ElementType.UINT8, tensor.readableBytes()), tensor);
    }

    /**
     * The tensor that arrived as a body, which is borrowed; the result is the caller's. What came in pieces is in a
     * contiguous buffer of its own already.
     */
    static ByteBuf tensor(ByteBuf body) {
        return body.readableBytes() > UNCOPIED_BYTES ? body.retainedSlice() : Tensors.copyOf(body);
    }

    Call call(Op op, int bytes) {
        return new TensorCall(op.label(), Tensors.random(bytes), op == Op.ECHO ? bytes : 0);
    }

    /** Streams a tensor of that size for about so long; completes when the last was answered. */
    CompletableFuture<Tally> stream(int bytes, Duration time) {
        var call = new TensorCall(Op.STREAM.label(), Tensors.random(bytes), 0);
        long start = System.nanoTime();
        Flux<Request> requests = Flux.<Request>generate(next -> next.next(call.request()))
                .takeUntil(sent -> System.nanoTime() - start >= time.toNanos());
        return connection.stream(new Route(OPERATION, Op.STREAM.label()), requests)
                .doOnNext(HivemindCaller::releaseSuccess)
                .count()
                .map(calls -> Tally.of(calls, System.nanoTime() - start))
                .doFinally(end -> call.close())
                .toFuture();
    }

    private static void releaseSuccess(Reply reply) {
        reply.release();
        RpcException error = reply.error();
        if (error != null) {
            throw error;
        }
    }

    /** Asks for that many answers of that size, each by a call of its own, and drops what comes. */
    void demandByCalls(int bytes, int calls) {
        TensorCall call = asking(bytes);
        demands.add(Flux.range(0, calls)
                .flatMap(i -> call.reply().doOnNext(Reply::release).onErrorComplete(), calls)
                .doFinally(end -> call.close())
                .subscribe());
    }

    /** Asks for that many answers of that size, all over one stream, and drops what comes. */
    void demandByStream(int bytes, int calls) {
        TensorCall call = asking(bytes);
        demands.add(connection.stream(
                        new Route(OPERATION, call.target), Flux.range(0, calls).map(i -> call.request()))
                .doOnNext(Reply::release)
                .then()
                .onErrorComplete()
                .doFinally(end -> call.close())
                .subscribe());
    }

    private TensorCall asking(int bytes) {
        return new TensorCall(ASK + bytes, Tensors.random(1), bytes);
    }

    @Override
    public void close() {
        demands.dispose();
        node.close().block(TIMEOUT);
    }

    /** Sends the same tensor each time. */
    private final class TensorCall implements Call {

        private final String target;
        private final ByteBuf tensor;
        private final int replyBytes;

        TensorCall(String target, ByteBuf tensor, int replyBytes) {
            this.target = target;
            this.tensor = tensor;
            this.replyBytes = replyBytes;
        }

        @Override
        public void start(Outcome outcome) {
            reply().subscribe(reply -> receive(reply, outcome), outcome::failed);
        }

        Mono<Reply> reply() {
            return Mono.using(this::request, connection::request, Request::release);
        }

        private Request request() {
            return Request.ofTensors(OPERATION, target, TIMEOUT, List.of(frame(tensor.retainedSlice())))
                    .expectingReplyOf(replyBytes);
        }

        private static void receive(Reply reply, Outcome outcome) {
            tensor(reply.body()).release();
            reply.release();
            outcome.done();
        }

        @Override
        public void close() {
            tensor.release();
        }
    }
}
