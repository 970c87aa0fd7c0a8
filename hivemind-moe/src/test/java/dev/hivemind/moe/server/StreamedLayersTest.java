package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.ManagedArrays;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A pipeline of batches through a remote layer whose calls travel over a long-lived stream, while the device stands. */
class StreamedLayersTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final ExpertUid UID = new ExpertUid("x.0");
    private static final CallPolicy STREAMS =
            CallPolicy.DEFAULT.withForwardTimeout(TIMEOUT.multipliedBy(3)).withStreams(true);

    /** What a pool of 16 rows gives one caller. */
    private static final int SHARE_ROWS = 8;

    @RegisterExtension
    final ManagedArrays arrays = new ManagedArrays();

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final StallingExpert stalling = new StallingExpert();
    private final PeerNode node =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode callerNode = PeerNode.builder().build();
    private final DhtNode dht = DhtNode.builder(callerNode).build();
    private final ExpertClient client = ExpertClient.create(callerNode, new ExpertDirectory(dht), STREAMS);
    private final AtomicLong requested = new AtomicLong();
    private final AtomicInteger made = new AtomicInteger();
    private ExpertServer server;
    private RemoteExpert expert;

    @BeforeEach
    void start() {
        server = ExpertServer.builder(node)
                .expert(UID.toString(), ExpertBackend.create(stalling.definition(), OptimizerConfig.frozen()))
                .maxBatchSize(4)
                .maxQueuedRows(16)
                .meters(registry)
                .intraOpThreads(1)
                .build();
        node.start().then(server.start()).block(TIMEOUT);
        expert = client.remote(new ExpertDescriptor(UID, node.id(), node.addresses()));
        expert.info().block(TIMEOUT);
    }

    @AfterEach
    void close() {
        stalling.release();
        client.dispose();
        dht.close()
                .then(server.close())
                .then(callerNode.close())
                .then(node.close())
                .block(TIMEOUT);
        registry.close();
    }

    private Flux<NDList> batches(int count) {
        return Flux.range(0, count)
                .map(i -> new NDList(arrays.manager().full(new Shape(2, 1), (float) i)))
                .doOnNext(batch -> made.incrementAndGet())
                .doOnRequest(requested::addAndGet);
    }

    private Mono<Float> step(NDList batch) {
        return ReactiveTape.step(
                client,
                tape -> tape.forward(expert, batch)
                        .flatMap(outputs -> tape.local(() -> outputs.head().toFloatArray()[0])));
    }

    private double queuedRows() {
        return registry.get("hivemind.expert.queued.rows")
                .tags("expert", UID.toString(), "direction", "forward")
                .gauge()
                .value();
    }

    private static void awaitThat(BooleanSupplier condition) {
        Mono.fromSupplier(condition::getAsBoolean)
                .repeatWhen(again -> again.delayElements(Duration.ofMillis(10)))
                .takeUntil(holds -> holds)
                .blockLast(TIMEOUT);
    }

    @Test
    void batches_whileTheDeviceStands_areAskedForAsManyAsAreUnderWay() {
        int concurrency = 32;
        CompletableFuture<List<Float>> results = batches(200)
                .flatMap(this::step, concurrency, 1)
                .sort()
                .collectList()
                .toFuture();
        stalling.awaitStall();
        awaitThat(() -> made.get() == concurrency && queuedRows() >= SHARE_ROWS - 1);

        assertThat(requested).hasValue(concurrency);
        assertThat(made).hasValue(concurrency);
        assertThat(queuedRows()).isLessThanOrEqualTo(SHARE_ROWS);
        assertThat(results).isNotDone();
        stalling.release();
        assertThat(results.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join())
                .isEqualTo(Flux.range(0, 200).map(i -> 2f * i).collectList().block());
    }

    @Test
    void pipeline_cancelledWhileTheDeviceStands_takesItsCallsOut() {
        Disposable pipeline = batches(200).flatMap(this::step, 32, 1).subscribe();
        stalling.awaitStall();
        awaitThat(() -> queuedRows() >= SHARE_ROWS - 1);

        pipeline.dispose();

        awaitThat(() -> queuedRows() == 0);
    }
}
