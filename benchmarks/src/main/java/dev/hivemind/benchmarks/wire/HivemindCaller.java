package dev.hivemind.benchmarks.wire;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A peer that calls, with its connection to the one that serves. */
final class HivemindCaller implements AutoCloseable {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
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

    Call call(Op op, int bytes) {
        return new TensorCall(op.label(), Tensors.random(bytes));
    }

    /** Asks for that many answers of that size, all at once, and drops what comes. */
    void demandByCalls(int bytes, int calls) {
        ByteBuf nothing = Tensors.random(1);
        var call = new TensorCall(ASK + bytes, nothing);
        demands.add(Flux.range(0, calls)
                .flatMap(i -> call.reply().doOnNext(Reply::release).onErrorComplete(), calls)
                .doFinally(end -> nothing.release())
                .subscribe());
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

        TensorCall(String target, ByteBuf tensor) {
            this.target = target;
            this.tensor = tensor;
        }

        @Override
        public void start(Outcome outcome) {
            reply().subscribe(reply -> receive(reply, outcome), outcome::failed);
        }

        Mono<Reply> reply() {
            return Mono.using(this::request, connection::request, Request::release);
        }

        private Request request() {
            return Request.ofTensors(Operation.EXPERT_FORWARD, target, TIMEOUT, List.of(frame(tensor.retainedSlice())));
        }

        private static void receive(Reply reply, Outcome outcome) {
            Tensors.receive(reply.body());
            reply.release();
            outcome.done();
        }

        @Override
        public void close() {
            tensor.release();
        }
    }
}
