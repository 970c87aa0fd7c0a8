package dev.hivemind.moe.client;

import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcTransientException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import dev.hivemind.rsocket.tensor.TensorFrameCodec;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * One call of an expert, from arrays to the frames of an answer that has been checked: compare with the schema, wait for
 * room, encode, send, send again after transient errors, compare the answer with the schema.
 *
 * <p>Arrays are encoded by the thread that subscribes if the schema is known and there is room. Else the call keeps
 * handles of its own on them, and the client's tensor thread encodes them when the time has come. The lock makes
 * cancellation mean something: once {@link #close} has returned, nobody reads the arrays any more. It is held for one
 * copy at most.
 */
final class ExpertCall implements PendingRequest {

    private static final Duration RETRY_AFTER = Duration.ofMillis(100);

    private final CallKind kind;
    private final CallRoute route;
    private final CallPolicy policy;
    private final Deadline deadline;
    private final CallId id = CallId.random();
    private final Supplier<List<OutgoingTensor>> source;
    private List<OutgoingTensor> tensors = List.of();
    private List<TensorDescriptor> expected = List.of();
    private CallGate.@Nullable Pass pass;
    private @Nullable NDManager aliases;
    private @Nullable Request request;
    private boolean closed;

    private ExpertCall(CallKind kind, CallRoute route, CallPolicy policy, Supplier<List<OutgoingTensor>> source) {
        this.kind = kind;
        this.route = route;
        this.policy = policy;
        this.source = source;
        this.deadline = Deadline.after(kind.timeout(policy));
    }

    /**
     * The answer as it came. Borrows the arrays until the Mono ends; the receiver owns the reply. The call is no longer
     * under way then, so that who gathers answers keeps no other call waiting.
     */
    static Mono<Reply> answer(
            CallKind kind, CallRoute route, CallPolicy policy, Supplier<List<OutgoingTensor>> tensors) {
        return result(kind, route, policy, tensors, Mono::just).mapNotNull(HeldReply::take);
    }

    /**
     * What is made of the answer. The call is under way, and takes its part of the client's room, until that is there.
     * Borrows the arrays until the Mono ends. Arrays are first touched on request, when the call can be cancelled already.
     *
     * @param result takes the reply over
     */
    static <T> Mono<T> result(
            CallKind kind,
            CallRoute route,
            CallPolicy policy,
            Supplier<List<OutgoingTensor>> tensors,
            Function<HeldReply, Mono<T>> result) {
        return Mono.using(
                        () -> new ExpertCall(kind, route, policy, tensors),
                        call -> Mono.just(call)
                                .hide()
                                .flatMap(ExpertCall::answer)
                                .flatMap(result),
                        ExpertCall::close)
                .doOnDiscard(HeldReply.class, HeldReply::release);
    }

    private Mono<HeldReply> answer() {
        ExpertSchema known = route.owners().knownSchema();
        try {
            if (isEncodedNow(known)) {
                return send();
            }
        } catch (Error e) {
            // Reactor throws some of them to whoever subscribed, and would never close the call.
            return Mono.error(new IllegalStateException("The call could not be made", e));
        }
        return whenThereIsRoom(known)
                .then(Mono.<Void>create(this::encodeOnTensorThread))
                .timeout(deadline.remaining(), Mono.error(this::notSentInTime))
                .then(Mono.defer(this::send));
    }

    /** Whether nothing is to be waited for; else the call has handles of its own from now on. */
    private synchronized boolean isEncodedNow(@Nullable ExpertSchema known) {
        if (closed) {
            return true;
        }
        tensors = source.get();
        if (known != null && enter(known).isOpen()) {
            encode();
            return true;
        }
        keepAliases();
        return false;
    }

    private Mono<Void> whenThereIsRoom(@Nullable ExpertSchema known) {
        Mono<ExpertSchema> schema =
                known == null ? route.owners().schema(deadline.remaining(), peer -> {}) : Mono.just(known);
        return schema.flatMap(asked -> {
            CallGate.Pass entered = enter(asked);
            if (isClosed()) {
                entered.leave();
            }
            return entered.opened();
        });
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    /** Asks for room, once. */
    private synchronized CallGate.Pass enter(ExpertSchema schema) {
        if (pass == null) {
            expected = kind.answer(schema, requireRows(schema));
            pass = route.calls().gate().enter(bytes());
        }
        return pass;
    }

    private int requireRows(ExpertSchema schema) {
        List<TensorDescriptor> given = descriptors();
        try {
            return kind.requireRows(schema, given);
        } catch (SchemaMismatchException mismatch) {
            throw new SchemaMismatchException("%s takes (%s) of up to %d rows, but (%s) was given. %s"
                    .formatted(
                            route.owners().uid(),
                            joined(kind.takes(schema)),
                            schema.maxBatchSize(),
                            joined(given),
                            mismatch.getMessage()));
        }
    }

    private List<TensorDescriptor> descriptors() {
        List<TensorDescriptor> descriptors = new ArrayList<>(tensors.size());
        for (OutgoingTensor tensor : tensors) {
            descriptors.add(tensor.descriptor());
        }
        return descriptors;
    }

    private static String joined(List<?> tensors) {
        return tensors.stream().map(Object::toString).collect(Collectors.joining(", "));
    }

    private long bytes() {
        return sizeBytes(descriptors()) + sizeBytes(expected);
    }

    private static long sizeBytes(List<TensorDescriptor> tensors) {
        long bytes = 0;
        for (TensorDescriptor tensor : tensors) {
            bytes += tensor.sizeBytes();
        }
        return bytes;
    }

    private void keepAliases() {
        NDManager own = TensorOps.newManager();
        aliases = own;
        List<OutgoingTensor> handles = new ArrayList<>(tensors.size());
        tensors.forEach(tensor -> handles.add(tensor.aliasIn(own)));
        tensors = handles;
    }

    private void encodeOnTensorThread(MonoSink<Void> sink) {
        try {
            route.calls().tensors().schedule(() -> {
                try {
                    encode();
                    sink.success();
                } catch (RuntimeException | Error e) {
                    sink.error(e);
                }
            });
        } catch (RejectedExecutionException disposed) {
            sink.error(new IllegalStateException("The client is closed", disposed));
        }
    }

    private synchronized void encode() {
        if (closed) {
            return;
        }
        try {
            request = encoded();
        } catch (OutOfMemoryError e) {
            var overloaded = new OverloadedException("There is no memory for the tensors of a call", RETRY_AFTER);
            overloaded.initCause(e);
            throw overloaded;
        }
    }

    private Request encoded() {
        List<TensorFrame> frames = OutgoingTensor.encode(tensors, policy);
        List<TensorDescriptor> descriptors = TensorFrameCodec.descriptors(frames);
        ByteBuf body = TensorFrameCodec.join(frames);
        try {
            return new Request(header(descriptors), body, replyBytes());
        } catch (RuntimeException | Error e) {
            body.release();
            throw e;
        }
    }

    private FrameHeader header(List<TensorDescriptor> descriptors) {
        var header = new FrameHeader(kind.operation(), route.owners().uid().toString(), id, deadline, 0, descriptors);
        Compression wanted = kind.ofReply(policy);
        return wanted == Compression.NONE ? header : header.withReplyCompression(wanted);
    }

    /** As many as the peer will send if it does as it is asked. */
    private long replyBytes() {
        Compression wanted = kind.ofReply(policy);
        if (wanted == Compression.NONE) {
            return sizeBytes(expected);
        }
        return expected.stream()
                .mapToLong(tensor -> RowFrames.compressed(tensor, wanted).wireBytes())
                .sum();
    }

    private Mono<HeldReply> send() {
        if (!isEncoded()) {
            return Mono.empty();
        }
        int[] turn = {route.owners().nextTurn()};
        Mono<HeldReply> attempt =
                Mono.defer(() -> route.transport().send(this, turn[0]++)).map(this::checked);
        return attempt.onErrorResume(RpcTransientException.class, failure -> repeated(attempt, failure));
    }

    /** What repeats calls is made for those few that fail. */
    private Mono<HeldReply> repeated(Mono<HeldReply> attempt, RpcTransientException failure) {
        boolean[] failed = {false};
        return Mono.defer(() -> {
                    if (failed[0]) {
                        return attempt;
                    }
                    failed[0] = true;
                    return Mono.error(failure);
                })
                .retryWhen(policy.retry().until(deadline));
    }

    private synchronized boolean isEncoded() {
        return request != null;
    }

    @Override
    public CallId id() {
        return id;
    }

    @Override
    public Operation operation() {
        return kind.operation();
    }

    @Override
    public Duration timeout() {
        return kind.timeout(policy);
    }

    @Override
    public Deadline deadline() {
        return deadline;
    }

    /** Attempts after the first begin on timers' threads, while the call may be cancelled on any other. */
    @Override
    public synchronized @Nullable Request take(Predicate<Compression> supported) {
        return closed || request == null ? null : UnderstoodRequest.understood(supported, request);
    }

    /** Takes the reply over until it is known to be what was asked for. */
    private HeldReply checked(Reply reply) {
        try {
            requireExpected(reply);
            return new HeldReply(reply);
        } catch (RuntimeException | Error e) {
            reply.release();
            throw e;
        }
    }

    private void requireExpected(Reply reply) {
        if (!isExpected(reply.descriptors())) {
            var failed = new ExpertFailedException("%s answered with (%s) instead of (%s)"
                    .formatted(route.owners().uid(), joined(reply.descriptors()), joined(expected)));
            failed.initCause(new ProtocolViolationException("The answer is not what the schema promises"));
            throw failed;
        }
    }

    private boolean isExpected(List<TensorDescriptor> received) {
        boolean expectedSoFar = received.size() == expected.size();
        for (int i = 0; expectedSoFar && i < received.size(); i++) {
            expectedSoFar = ElementTypes.asArray(received.get(i)).equals(expected.get(i));
        }
        return expectedSoFar;
    }

    /** Nobody but this client is to blame where there was no room. */
    private synchronized RpcTransientException notSentInTime() {
        return pass == null
                ? new DeadlineExceededException("%s did not tell its schema in time"
                        .formatted(route.owners().uid()))
                : new OverloadedException(
                        "The call could not be sent in time: this client has too many calls under way", RETRY_AFTER);
    }

    private void close() {
        CallGate.Pass left;
        synchronized (this) {
            closed = true;
            left = pass;
            if (request != null) {
                request.release();
            }
            if (aliases != null) {
                aliases.close();
            }
        }
        CallGate.leave(left);
    }
}
