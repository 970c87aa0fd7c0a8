package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import dev.hivemind.rsocket.identity.PeerAddress;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Streams of calls to a server's experts, over real sockets. */
class StreamedCallsTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final Route FORWARD = new Route(Operation.EXPERT_FORWARD, "x.0");
    private static final Route BACKWARD = new Route(Operation.EXPERT_BACKWARD, "x.0");

    /** What a server asks a far producer for while it answers nothing: 16 calls that it serves, and 12 in advance. */
    private static final int CALLS_OF_A_STALLED_STREAM = 28;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final StallingExpert stalling = new StallingExpert();
    private final PeerNode node =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final List<PeerNode> callers = new ArrayList<>();
    private ExpertServer server;

    @AfterEach
    void close() {
        stalling.release();
        Mono<Void> serverEnd = server == null ? Mono.empty() : server.close();
        serverEnd
                .then(Flux.fromIterable(callers).flatMap(PeerNode::close).then())
                .then(node.close())
                .block(TIMEOUT);
        registry.close();
    }

    private PeerConnection connect(ExpertBackend expert, UnaryOperator<ExpertServer.Builder> settings) {
        server = settings.apply(ExpertServer.builder(node)
                        .expert("x.0", expert)
                        .meters(registry)
                        .intraOpThreads(1))
                .build();
        node.start().then(server.start()).block(TIMEOUT);
        return connect();
    }

    private PeerConnection connect() {
        PeerNode caller = PeerNode.builder().build();
        callers.add(caller);
        return caller.connect(node.addresses().get(0)).block(TIMEOUT);
    }

    /** A server whose device stands with one call. Its pool holds 16 rows, of which one caller gets 8. */
    private PeerConnection connectToStalled() {
        ExpertBackend expert = ExpertBackend.create(stalling.definition(), OptimizerConfig.frozen());
        PeerConnection first =
                connect(expert, builder -> builder.maxBatchSize(4).maxQueuedRows(16));
        CompletableFuture<NDList> busy = Mono.using(
                        () -> request(Operation.EXPERT_FORWARD, ServedExperts.NEVER_LATE, rows(1, 0)),
                        first::request,
                        Request::release)
                .map(this::decode)
                .toFuture();
        stalling.awaitStall();
        assertThat(busy).isNotDone();
        return connect();
    }

    private NDArray rows(int count, float value) {
        return arrays.manager().full(new Shape(count, 1), value);
    }

    private static Request request(Operation operation, Duration timeout, NDArray... tensors) {
        return Request.ofTensors(operation, "x.0", timeout, NDArrayFrames.encode(new NDList(tensors)));
    }

    private NDList decode(Reply reply) {
        try {
            return NDArrayFrames.decode(arrays.manager(), reply.tensors());
        } finally {
            reply.release();
        }
    }

    private long queuedRows() {
        return (long) registry.get("hivemind.expert.queued.rows")
                .tags("expert", "x.0", "direction", "forward")
                .gauge()
                .value();
    }

    private static void awaitThat(BooleanSupplier condition) {
        Mono.fromSupplier(condition::getAsBoolean)
                .repeatWhen(again -> again.delayElements(Duration.ofMillis(10)))
                .takeUntil(holds -> holds)
                .blockLast(TIMEOUT);
    }

    /** A round trip, after which whatever was on its way before has arrived. */
    private static void roundTrip(PeerConnection connection) {
        Mono.using(
                        () -> Request.ofTensors(Operation.EXPERT_FORWARD, "unknown", TIMEOUT, List.of()),
                        connection::request,
                        Request::release)
                .onErrorComplete()
                .block(TIMEOUT);
    }

    @Test
    void stream_whileTheDeviceStands_asksItsProducerForFourteenCalls() {
        PeerConnection connection = connectToStalled();
        var requested = new AtomicLong();
        var emitted = new AtomicInteger();
        Flux<Request> requests = Flux.range(0, 100)
                .map(i -> request(Operation.EXPERT_FORWARD, ServedExperts.NEVER_LATE, rows(2, i)))
                .doOnNext(request -> emitted.incrementAndGet())
                .doOnRequest(requested::addAndGet);
        CompletableFuture<List<Float>> answers = connection.stream(FORWARD, requests)
                .map(reply -> decode(reply).head().toFloatArray()[1])
                .collectList()
                .toFuture();

        awaitThat(() -> emitted.get() == CALLS_OF_A_STALLED_STREAM && queuedRows() == 8);
        roundTrip(connection);

        assertThat(emitted).hasValue(CALLS_OF_A_STALLED_STREAM);
        assertThat(requested).hasValue(CALLS_OF_A_STALLED_STREAM);
        assertThat(queuedRows()).isEqualTo(8);
        stalling.release();
        assertThat(answers.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join())
                .hasSize(100)
                .containsExactlyInAnyOrderElementsOf(
                        Flux.range(0, 100).map(i -> 2f * i).collectList().block());
        awaitThat(() -> queuedRows() == 0);
    }

    @Test
    void stream_thatFillsItsShare_leavesRoomForOthers() {
        PeerConnection greedy = connectToStalled();
        CompletableFuture<Long> greedyAnswers = greedy.stream(
                        FORWARD, forever(4).take(50))
                .map(this::decode)
                .count()
                .toFuture();
        awaitThat(() -> queuedRows() == 8);

        CompletableFuture<Long> modestAnswers = connect().stream(
                        FORWARD, forever(4).take(5))
                .map(this::decode)
                .count()
                .toFuture();
        awaitThat(() -> queuedRows() == 12);
        stalling.release();

        assertThat(modestAnswers
                        .orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                        .join())
                .isEqualTo(5);
        assertThat(greedyAnswers
                        .orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                        .join())
                .isEqualTo(50);
    }

    private Flux<Request> forever(int rows) {
        return Flux.<Request>generate(
                sink -> sink.next(request(Operation.EXPERT_FORWARD, ServedExperts.NEVER_LATE, rows(rows, 1))));
    }

    @Test
    void stream_cancelledWhileItsCallsWait_takesThemOut() {
        PeerConnection connection = connectToStalled();
        Disposable stream = connection.stream(FORWARD, forever(4)).subscribe(Reply::release);
        awaitThat(() -> queuedRows() == 8);

        stream.dispose();

        awaitThat(() -> queuedRows() == 0);
    }

    @Test
    void stream_withACallWhoseDeadlinePassesWhileItWaits_failsItAloneAndGoesOn() {
        PeerConnection connection = connectToStalled();
        Flux<Request> requests = Flux.range(0, 6)
                .map(i -> request(
                        Operation.EXPERT_FORWARD,
                        i == 4 ? Duration.ofMillis(200) : ServedExperts.NEVER_LATE,
                        rows(4, i)));
        List<Class<?>> failures = new ArrayList<>();

        Long answered = connection.stream(FORWARD, requests)
                .doOnNext(reply -> {
                    if (reply.error() != null) {
                        failures.add(reply.error().getClass());
                        stalling.release();
                    }
                    reply.release();
                })
                .count()
                .block(TIMEOUT);

        assertThat(answered).isEqualTo(6);
        assertThat(failures).isEqualTo(List.of(DeadlineExceededException.class));
    }

    @Test
    void stream_withACallOfAnotherShape_failsItAlone() {
        stalling.release();
        PeerConnection connection =
                connect(ExpertBackend.create(stalling.definition(), OptimizerConfig.frozen()), builder -> builder);
        Flux<Request> requests = Flux.just(1, 2, 1)
                .map(width -> request(
                        Operation.EXPERT_FORWARD,
                        ServedExperts.NEVER_LATE,
                        arrays.manager().ones(new Shape(2, width))));

        List<Boolean> mismatched = connection.stream(FORWARD, requests)
                .map(reply -> {
                    reply.release();
                    return reply.error() instanceof SchemaMismatchException;
                })
                .collectList()
                .block(TIMEOUT);

        assertThat(mismatched).containsExactlyInAnyOrder(false, true, false);
        assertThat(registry.get("hivemind.expert.rejections")
                        .tags("direction", "forward", "reason", "schema-mismatch")
                        .counter()
                        .count())
                .isOne();
    }

    @Test
    void stream_ofBackwardCallsToOnePoolOfOneBatch_trainsWithEachOnce() {
        ExpertBackend expert = ExpertBackend.create(TestExperts.ffn(8), OptimizerConfig.sgd(1e-3));
        PeerConnection connection =
                connect(expert, builder -> builder.maxBatchSize(4).maxQueuedRows(4));
        Flux<Request> requests = Flux.range(0, 40).map(i -> {
            NDArray x = arrays.manager().ones(new Shape(4, 8)).mul(i);
            return request(Operation.EXPERT_BACKWARD, ServedExperts.NEVER_LATE, x, x);
        });

        List<Shape> gradients = connection.stream(BACKWARD, requests)
                .map(reply -> decode(reply).head().getShape())
                .collectList()
                .block(TIMEOUT);

        assertThat(gradients).hasSize(40).containsOnly(new Shape(4, 8));
        assertThat(expert.optimizer().steps()).isEqualTo(40);
    }

    /** hivemind streams 2²¹ rows of two numbers, 16 MiB; here in pieces of 256 KiB. */
    @Test
    void stream_ofLargeCalls_answersEachWhole() {
        int rows = 1 << 21;
        PeerConnection connection = connect(
                ExpertBackend.create(TestExperts.named("nop", 2), OptimizerConfig.frozen()),
                builder -> builder.maxBatchSize(rows));
        NDArray x = arrays.manager().arange(2f * rows).reshape(rows, 2);

        List<Boolean> equal = connection.stream(
                        FORWARD,
                        Flux.range(0, 2).map(i -> request(Operation.EXPERT_FORWARD, ServedExperts.NEVER_LATE, x)))
                .map(reply -> {
                    try (NDList y = decode(reply)) {
                        return y.singletonOrThrow().contentEquals(x);
                    }
                })
                .collectList()
                .block(TIMEOUT);

        assertThat(equal).containsExactly(true, true);
    }
}
