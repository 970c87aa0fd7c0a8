package dev.hivemind.moe.client;

import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.Reply;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Many forward calls over the channel of their expert, whose results come in the order of the inputs.
 *
 * <pre>
 * inputs   ──a──b──c─────────d──  as many taken as results are missing or unread, 16 at most, and one more
 * replies  ────────b──a─c──────  as the peer is ready
 * results  ───────────a─b─c────  in order, as they are asked for
 * </pre>
 *
 * <p>What the operators in between hold are inputs, which are borrowed, and {@link HeldReply}s, which they may drop twice
 * or not at all: all that are not decoded are known here, and released in the end.
 */
final class StreamedCalls implements Disposable {

    /** Inputs that were taken and whose result was not emitted. */
    static final int MAX_TAKEN = 16;

    private final CallRoute route;
    private final CallPolicy policy;
    private final Set<HeldReply> held = ConcurrentHashMap.newKeySet();
    private volatile boolean disposed;

    private StreamedCalls(CallRoute route, CallPolicy policy) {
        this.route = route;
        this.policy = policy;
    }

    /** Borrows each input until its result is emitted. */
    static Flux<NDList> results(
            CallRoute route, CallPolicy policy, Flux<NDList> inputs, Function<Reply, NDList> decoder) {
        return Flux.using(
                () -> new StreamedCalls(route, policy),
                streamed -> inputs.publishOn(route.calls().tensors(), 1)
                        .flatMapSequential(streamed::call, MAX_TAKEN, 1)
                        .concatMap(reply -> streamed.decoded(reply, decoder), 0),
                StreamedCalls::dispose);
    }

    private Mono<HeldReply> call(NDList inputs) {
        return ExpertCall.answer(CallKind.FORWARD, route, policy, () -> OutgoingTensor.inputs(inputs))
                .map(this::hold);
    }

    private HeldReply hold(Reply reply) {
        var one = new HeldReply(reply);
        held.add(one);
        if (disposed) {
            one.release();
        }
        return one;
    }

    private Mono<NDList> decoded(HeldReply reply, Function<Reply, NDList> decoder) {
        return DecodedReply.on(route.calls().tensors(), reply, decoder).doFinally(end -> held.remove(reply));
    }

    @Override
    public void dispose() {
        disposed = true;
        held.forEach(HeldReply::release);
    }

    @Override
    public boolean isDisposed() {
        return disposed;
    }
}
