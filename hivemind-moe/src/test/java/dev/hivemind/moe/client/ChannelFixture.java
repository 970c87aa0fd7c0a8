package dev.hivemind.moe.client;

import static dev.hivemind.moe.client.ScriptedPeers.TIMEOUT;
import static dev.hivemind.moe.client.ScriptedPeers.WIDTH;
import static dev.hivemind.moe.client.ScriptedPeers.schema;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.client.ScriptedPeers.Scripted;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Peers that are called over channels, at once or once they are let go on. Inputs are told apart by their rows. */
final class ChannelFixture implements BeforeEachCallback, AfterEachCallback {

    static final CallPolicy STREAMS = CallPolicy.DEFAULT
            .withForwardTimeout(TIMEOUT)
            .withBackwardTimeout(TIMEOUT)
            .withStreams(true);

    /** A peer serves 16 calls of a channel at once, and asks for 12 more. */
    static final int SERVED = 16;

    static final int ASKED_FOR = 28;

    final ScriptedPeers peers = new ScriptedPeers();
    final Sinks.Empty<Void> released = Sinks.empty();
    final AtomicInteger cancelled = new AtomicInteger();

    private final ManagedArrays arrays = new ManagedArrays();

    @Override
    public void beforeEach(ExtensionContext context) {
        arrays.beforeEach(context);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        peers.afterEach(context);
        arrays.afterEach(context);
    }

    static Mono<Reply> echo(Request request) {
        return Mono.fromSupplier(() -> ScriptedPeers.echo(request));
    }

    /** Answers once it is let go on. */
    Mono<Reply> late(Request request) {
        return released.asMono().then(echo(request)).doOnCancel(cancelled::incrementAndGet);
    }

    /** The gradients of the inputs are those of the outputs. */
    static Mono<Reply> halfEcho(Request request) {
        return Mono.fromSupplier(() -> ScriptedPeers.reply(gradient(request)));
    }

    private static TensorFrame gradient(Request request) {
        TensorFrame gradient = request.tensors().get(1);
        return new TensorFrame(gradient.descriptor(), gradient.data().retain());
    }

    Scripted echoing() {
        return peers.peer(schema(true), (caller, request) -> echo(request), (caller, request) -> halfEcho(request));
    }

    Scripted stalled() {
        return peers.peer(schema(true), (caller, request) -> late(request), (caller, request) -> halfEcho(request));
    }

    ExpertCalls calls(StreamLimits limits) {
        return peers.calls(ClientLimits.DEFAULT.withStreams(limits));
    }

    static StreamLimits limits(int channels, int waiting) {
        return new StreamLimits(channels, channels, waiting, TIMEOUT.multipliedBy(3));
    }

    private NDList rows(int count) {
        return new NDList(arrays.manager().ones(new Shape(count, WIDTH)));
    }

    Mono<Long> forward(RemoteExpert expert, int rows) {
        return expert.forward(arrays.manager(), rows(rows))
                .map(outputs -> outputs.singletonOrThrow().getShape().get(0));
    }

    Mono<Long> backward(RemoteExpert expert, int rows) {
        return expert.backward(arrays.manager(), rows(rows), rows(rows))
                .map(outputs -> outputs.singletonOrThrow().getShape().get(0));
    }

    static void awaitThat(BooleanSupplier condition) {
        Mono.fromSupplier(condition::getAsBoolean)
                .repeatWhen(again -> again.delayElements(Duration.ofMillis(5)))
                .takeUntil(holds -> holds)
                .blockLast(TIMEOUT);
    }

    /** Calls of 1, 2, 3... rows; the peer has got all it asks for. */
    List<CompletableFuture<Long>> fill(RemoteExpert expert, Scripted peer, int count) {
        expert.info().block(TIMEOUT);
        List<CompletableFuture<Long>> answers = new ArrayList<>();
        for (int rows = 1; rows <= count; rows++) {
            answers.add(forward(expert, rows).toFuture());
        }
        awaitThat(() -> peer.forwards.get() == Math.min(count, SERVED));
        return answers;
    }

    static long get(CompletableFuture<Long> answer) {
        return answer.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join();
    }
}
