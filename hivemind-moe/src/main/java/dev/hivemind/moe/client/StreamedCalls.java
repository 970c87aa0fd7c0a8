package dev.hivemind.moe.client;

import ai.djl.ndarray.NDList;
import dev.hivemind.rsocket.Reply;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Many forward calls over one channel, whose results come in the order of the inputs.
 *
 * <pre>
 * inputs   ──a──b──c─────────d──  as many taken as results are missing or unread, 16 at most, and one more
 * replies  ────────b──a─c──────  as the peer is ready
 * results  ───────────a─b─c────  in order, as they are asked for
 * </pre>
 *
 * <p>What the operators in between hold are inputs, which are borrowed, and {@link HeldReply}s, which they may drop twice
 * or not at all: all that are not decoded are known here, and released in the end. When the channel breaks, the calls
 * under way are repeated over another one.
 */
final class StreamedCalls implements Disposable {

    /** Inputs that were taken and whose result was not emitted. */
    static final int MAX_TAKEN = 16;

    private final Owners owners;
    private final ExpertCalls calls;
    private final CallPolicy policy;
    private final Set<HeldReply> held = ConcurrentHashMap.newKeySet();
    private @Nullable CallChannel channel;
    private volatile boolean disposed;

    private StreamedCalls(Owners owners, ExpertCalls calls, CallPolicy policy) {
        this.owners = owners;
        this.calls = calls;
        this.policy = policy;
    }

    /** Borrows each input until its result is emitted. */
    static Flux<NDList> results(
            Owners owners, ExpertCalls calls, CallPolicy policy, Flux<NDList> inputs, Function<Reply, NDList> decoder) {
        return Flux.using(
                () -> new StreamedCalls(owners, calls, policy),
                streamed -> inputs.publishOn(calls.tensors(), 1)
                        .flatMapSequential(streamed::call, MAX_TAKEN, 1)
                        .concatMap(reply -> streamed.decoded(reply, decoder), 0),
                StreamedCalls::dispose);
    }

    private Mono<HeldReply> call(NDList inputs) {
        var route = new ExpertCall.Route(owners, calls, this::send);
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
        return DecodedReply.on(calls.tensors(), reply, decoder).doFinally(end -> held.remove(reply));
    }

    private Mono<Reply> send(PendingRequest request, int turn) {
        return Mono.defer(() -> channel(request, turn).send(request, this::hold))
                .mapNotNull(this::take);
    }

    private @Nullable Reply take(HeldReply reply) {
        held.remove(reply);
        return reply.take();
    }

    /** The channel, or a new one if that has broken. */
    private synchronized CallChannel channel(PendingRequest request, int turn) {
        if (disposed) {
            throw new CancellationException("The results are not wanted any more");
        }
        CallChannel current = channel;
        if (current == null || current.isDisposed()) {
            current = CallChannel.start(owners, turn, 2 * MAX_TAKEN, request.deadline());
            channel = current;
        }
        return current;
    }

    @Override
    public void dispose() {
        disposed = true;
        held.forEach(HeldReply::release);
        closeChannel();
    }

    private synchronized void closeChannel() {
        if (channel != null) {
            channel.dispose();
        }
    }

    @Override
    public boolean isDisposed() {
        return disposed;
    }
}
