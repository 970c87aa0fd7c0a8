package dev.hivemind.benchmarks.throughput;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import reactor.core.publisher.Mono;
import reactor.netty.resources.LoopResources;

/** A peer that calls experts, with tensors that it has prepared. */
final class ExpertCaller {

    private static final Duration TIMEOUT = Duration.ofMinutes(2);

    private final Preset preset;
    private final PeerNode node;
    private final List<PeerAddress> server;
    private final PeerId serverId;
    private final TensorFrame input;
    private final TensorFrame gradient;
    private final RandomGenerator random;

    /** @param number among the callers */
    ExpertCaller(Preset preset, LoopResources loops, PeerAddress server, int number) {
        this.preset = preset;
        this.server = List.of(server);
        this.random = new SplittableRandom(number);
        this.node = PeerNode.builder().loops(loops).connectTimeout(TIMEOUT).build();
        this.serverId = requireNonNull(node.connect(server).block(TIMEOUT)).peerId();
        this.input = tensor();
        this.gradient = tensor();
    }

    private TensorFrame tensor() {
        var descriptor = TensorDescriptor.of(ElementType.FLOAT32, preset.rows(), preset.hiddenDim());
        ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer(descriptor.sizeBytes(), descriptor.sizeBytes());
        for (int i = 0; i < descriptor.elements(); i++) {
            data.writeFloatLE((float) random.nextGaussian());
        }
        return new TensorFrame(descriptor, data);
    }

    /** Calls an expert forward, and backward if the preset has it. */
    Mono<Round> round() {
        return Mono.defer(() -> {
            String uid = Preset.uid(random.nextInt(preset.experts()));
            long start = System.nanoTime();
            return call(Operation.EXPERT_FORWARD, uid, input)
                    .flatMap(forwardEnd -> preset.training()
                            ? call(Operation.EXPERT_BACKWARD, uid, input, gradient)
                                    .map(end -> new Round(start, forwardEnd, end))
                            : Mono.just(new Round(start, forwardEnd, forwardEnd)));
        });
    }

    /** Emits the moment of the answer. */
    private Mono<Long> call(Operation operation, String uid, TensorFrame... tensors) {
        return Mono.using(() -> request(operation, uid, tensors), this::send, Request::release)
                .map(ExpertCaller::receive);
    }

    private static Request request(Operation operation, String uid, TensorFrame... tensors) {
        return Request.ofTensors(
                operation,
                uid,
                TIMEOUT,
                List.of(tensors).stream()
                        .map(tensor -> new TensorFrame(
                                tensor.descriptor(), tensor.data().retainedDuplicate()))
                        .toList());
    }

    private Mono<Reply> send(Request request) {
        return node.connect(serverId, server)
                .timeout(request.header().deadline().remaining())
                .flatMap(connection -> connection.request(request));
    }

    private static long receive(Reply reply) {
        reply.release();
        return System.nanoTime();
    }
}
