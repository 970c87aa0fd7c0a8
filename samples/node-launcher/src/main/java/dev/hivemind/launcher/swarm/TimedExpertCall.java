package dev.hivemind.launcher.swarm;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** One call of an expert, and what its server's events tell of the batch that the call was in. */
final class TimedExpertCall {

    /** How long to wait, after the answer, for the event of its batch. */
    private static final Duration EVENT_PATIENCE = Duration.ofMillis(300);

    private final PeerConnection connection;
    private final ExpertUid uid;
    private final Duration timeout;

    TimedExpertCall(PeerConnection connection, ExpertUid uid, Duration timeout) {
        this.connection = connection;
        this.uid = uid;
        this.timeout = timeout;
    }

    /** Calls the expert, and blocks until it has answered. */
    Result run(ExpertSchema schema, List<CallInput> inputs, boolean backward) {
        List<CallInput> tensors = new ArrayList<>(inputs);
        if (backward) {
            tensors.addAll(CallInput.ones(schema, inputs.get(0).rows()));
        }
        Operation operation = backward ? Operation.EXPERT_BACKWARD : Operation.EXPERT_FORWARD;
        Sinks.Empty<Void> answered = Sinks.empty();
        Mono<Result> call = call(operation, tensors).doFinally(signal -> answered.tryEmitEmpty());
        // Subscribed to before the call is: frames keep their order.
        Mono<Optional<BatchEventMessage>> batch = EventFeed.of(connection)
                .filter(event -> isOf(event, operation))
                .next()
                .map(event -> Optional.of(event.getBatch()))
                .takeUntilOther(answered.asMono().then(Mono.delay(EVENT_PATIENCE)))
                .onErrorComplete()
                .defaultIfEmpty(Optional.empty());
        return Visitor.await(
                Mono.zip(batch, call).map(both -> both.getT2().in(both.getT1().orElse(null))),
                timeout.plus(Visitor.CALL_TIMEOUT));
    }

    private boolean isOf(EventMessage event, Operation operation) {
        return event.hasBatch()
                && event.getBatch().getUid().equals(uid.value())
                && event.getBatch().getOperation() == operation.wireId();
    }

    private Mono<Result> call(Operation operation, List<CallInput> tensors) {
        return Mono.using(
                () -> Request.ofTensors(operation, uid.value(), timeout, frames(tensors)),
                request -> {
                    long start = System.nanoTime();
                    int sent = request.body().readableBytes();
                    return connection.request(request).map(reply -> read(reply, sent, start));
                },
                Request::release);
    }

    private static List<TensorFrame> frames(List<CallInput> tensors) {
        return tensors.stream()
                .map(tensor -> TensorFrame.encode(
                        tensor.descriptor(),
                        tensor.elements().duplicate().order(tensor.elements().order())))
                .toList();
    }

    private static Result read(Reply reply, int sent, long start) {
        try {
            Duration took = Duration.ofNanos(System.nanoTime() - start);
            List<String> shapes = reply.descriptors().stream()
                    .map(tensor -> tensor.shape().toString())
                    .toList();
            return new Result(took, null, null, sent, reply.body().readableBytes(), shapes);
        } finally {
            reply.release();
        }
    }

    /**
     * How a call went.
     *
     * @param roundTrip from the request to its whole answer
     * @param queue how long the oldest call of the batch waited; null if the peer does not tell
     * @param compute how long the batch took on its device; null if the peer does not tell
     */
    record Result(
            Duration roundTrip,
            @Nullable Duration queue,
            @Nullable Duration compute,
            int sentBytes,
            int receivedBytes,
            List<String> shapes) {

        Result in(@Nullable BatchEventMessage batch) {
            if (batch == null) {
                return this;
            }
            return new Result(
                    roundTrip,
                    Duration.of(batch.getWaitedMicros(), ChronoUnit.MICROS),
                    Duration.of(batch.getComputedMicros(), ChronoUnit.MICROS),
                    sentBytes,
                    receivedBytes,
                    shapes);
        }
    }
}
