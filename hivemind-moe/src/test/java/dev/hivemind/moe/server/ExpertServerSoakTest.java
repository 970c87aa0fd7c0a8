package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.ResidentSet;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.compression.Compression;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.frame.Route;
import dev.hivemind.rsocket.identity.PeerAddress;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Memory over many calls, of which some go wrong. Runs with {@code -Psoak}. */
@Tag("soak")
class ExpertServerSoakTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final Duration SOAK_TIMEOUT = Duration.ofMinutes(20);
    private static final int WIDTH = 64;
    private static final int WARM_UP_CALLS = 20_000;
    private static final int CALLS = 20_000;
    private static final int CALLERS = 4;
    private static final int EXPERTS = 2;
    private static final int CALLS_AT_ONCE = 32;
    private static final int CALLS_OF_A_STREAM = 20;
    private static final long MAX_GROWTH_KIB = 30 * 1_024;

    private final Random random = new Random(20);
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final EventFeed feed = new EventFeed(Clock.systemUTC());

    /** Keeps few results for repeated calls: what it may keep is to be full before the memory is looked at. */
    private final PeerNode node = PeerNode.builder()
            .listen(new PeerAddress("127.0.0.1", 0))
            .resultCacheBytes(1 << 20)
            .build();

    private final List<PeerNode> callers = IntStream.range(0, CALLERS)
            .mapToObj(i -> PeerNode.builder().build())
            .toList();
    private final ExpertServer server = ExpertServer.builder(node)
            .expert("x.0", ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.adam(1e-3)))
            .expert("x.1", ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.frozen()))
            .maxBatchSize(256)
            .meters(registry)
            .events(feed)
            .build();

    @AfterEach
    void close() {
        server.close()
                .then(Flux.fromIterable(callers).flatMap(PeerNode::close).then())
                .then(node.close())
                .block(TIMEOUT);
        registry.close();
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "reads the resident set from /proc")
    void calls_twentyThousandOfAllKinds_keepTheResidentSet() {
        TensorOps.prepareThread(1);
        node.start().then(server.start()).block(TIMEOUT);
        List<PeerConnection> connections = callers.stream()
                .map(caller -> caller.connect(node.addresses().get(0)).block(TIMEOUT))
                .toList();
        call(connections, WARM_UP_CALLS);
        long before = idleKib();

        call(connections, CALLS);

        assertThat(idleKib() - before).isLessThan(MAX_GROWTH_KIB);
    }

    /** The resident set in use when all calls have ended. No array and no row is left then but the experts' own. */
    private long idleKib() {
        Mono.fromSupplier(() -> TensorOps.openManagers() == EXPERTS && queuedRows() == 0)
                .repeatWhen(again -> again.delayElements(Duration.ofMillis(10)))
                .takeUntil(idle -> idle)
                .blockLast(TIMEOUT);
        return ResidentSet.usedKib();
    }

    private double queuedRows() {
        return registry.get("hivemind.expert.queued.rows").gauges().stream()
                .mapToDouble(Gauge::value)
                .sum();
    }

    private void call(List<PeerConnection> connections, int calls) {
        Flux.<Mono<Long>>generate(sink -> sink.next(next(connections.get(random.nextInt(CALLERS)))))
                .flatMap(call -> call, CALLS_AT_ONCE)
                .scan(0L, Long::sum)
                .takeUntil(ended -> ended >= calls)
                .last()
                // Calls that were under way then are cancelled, which is one more way to end.
                .block(SOAK_TIMEOUT);
    }

    /** One call or stream, and how many calls it was. */
    private Mono<Long> next(PeerConnection connection) {
        int kind = random.nextInt(20);
        int rows = 1 + random.nextInt(64);
        Duration timeout = kind == 0 ? Duration.ofMillis(1 + random.nextInt(4)) : TIMEOUT;
        if (kind == 1) {
            Route route = new Route(Operation.EXPERT_FORWARD, "x.1");
            return connection.stream(route, Flux.range(0, CALLS_OF_A_STREAM).map(i -> forward("x.1", rows, TIMEOUT)))
                    .doOnNext(Reply::release)
                    .count();
        }
        return Mono.using(() -> request(kind, rows, timeout), connection::request, Request::release)
                .doOnNext(Reply::release)
                .onErrorComplete(RpcException.class)
                .thenReturn(1L);
    }

    private static Request request(int kind, int rows, Duration timeout) {
        return switch (kind) {
            case 2 -> forward("nobody", rows, timeout);
            case 3 -> forward("x.0", 300, timeout);
            case 4 -> tensors(Operation.EXPERT_BACKWARD, "x.0", timeout, rows, Float.NaN);
            case 5, 6 -> forward("x.1", rows, timeout).wantingReplyAs(Compression.INT8);
            case 7, 8, 9, 10, 11, 12 -> tensors(Operation.EXPERT_BACKWARD, "x.0", timeout, rows, 0.01f);
            default -> forward("x.0", rows, timeout);
        };
    }

    private static Request forward(String uid, int rows, Duration timeout) {
        try (NDManager manager = TensorOps.newManager()) {
            NDArray x = manager.ones(new Shape(rows, WIDTH));
            return Request.ofTensors(
                    Operation.EXPERT_FORWARD, uid, timeout, NDArrayFrames.encode(new NDList(x), Compression.FLOAT16));
        }
    }

    private static Request tensors(Operation operation, String uid, Duration timeout, int rows, float gradient) {
        try (NDManager manager = TensorOps.newManager()) {
            NDArray x = manager.ones(new Shape(rows, WIDTH));
            return Request.ofTensors(operation, uid, timeout, NDArrayFrames.encode(new NDList(x, x.mul(gradient))));
        }
    }
}
