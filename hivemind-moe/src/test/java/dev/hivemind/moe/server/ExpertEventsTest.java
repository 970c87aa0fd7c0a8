package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.tensor.NDArrayFrames;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class ExpertEventsTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final int WIDTH = 8;
    private static final int ROWS = 3;

    private final PeerNode node =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode watcher = PeerNode.builder().build();
    private final EventFeed feed = new EventFeed(Clock.fixed(Instant.EPOCH, ZoneOffset.UTC));
    private final ExpertServer server = ExpertServer.builder(node)
            .expert("ffn.0", ExpertBackend.create(TestExperts.ffn(WIDTH), OptimizerConfig.frozen()))
            .events(feed)
            .build();
    private PeerConnection connection;

    @BeforeEach
    void connect() {
        node.start().block(TIMEOUT);
        feed.serve(node);
        connection = watcher.connect(node.addresses().get(0)).block(TIMEOUT);
    }

    @AfterEach
    void close() {
        server.close().then(node.close()).then(watcher.close()).block(TIMEOUT);
    }

    private Mono<Void> forward() {
        return Mono.using(
                        () -> Request.ofTensors(Operation.EXPERT_FORWARD, "ffn.0", TIMEOUT, rows()),
                        connection::request,
                        Request::release)
                .doOnNext(Reply::release)
                .then();
    }

    private static List<TensorFrame> rows() {
        try (NDManager manager = TensorOps.newManager()) {
            return NDArrayFrames.encode(new NDList(manager.ones(new Shape(ROWS, WIDTH))));
        }
    }

    @Test
    void events_ofAServerThatStarts_tellTheExperts() {
        StepVerifier.create(feed.events().take(1))
                .then(() -> server.start().block(TIMEOUT))
                .assertNext(event -> {
                    assertThat(event.getExpert().getKind()).isEqualTo(ExpertEventMessage.Kind.KIND_HOSTED);
                    assertThat(event.getExpert().getUid()).isEqualTo("ffn.0");
                })
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void events_ofABatch_reachAPeerFarAway() {
        server.start().block(TIMEOUT);
        var told = new AtomicBoolean();
        Flux<EventMessage> firstBatch =
                EventFeed.of(connection).filter(EventMessage::hasBatch).take(1).doOnNext(event -> told.set(true));

        StepVerifier.create(
                        firstBatch.mergeWith(forward().repeat(() -> !told.get()).cast(EventMessage.class)))
                .assertNext(event -> {
                    assertThat(event.getBatch().getUid()).isEqualTo("ffn.0");
                    assertThat(event.getBatch().getOperation()).isEqualTo(Operation.EXPERT_FORWARD.wireId());
                    assertThat(event.getBatch().getRows()).isEqualTo(ROWS);
                    assertThat(event.getBatch().getCalls()).isOne();
                })
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void events_ofALateSubscriber_beginWithTheExperts() {
        server.start().block(TIMEOUT);

        StepVerifier.create(EventFeed.of(connection).take(1))
                .assertNext(event -> {
                    assertThat(event.getExpert().getKind()).isEqualTo(ExpertEventMessage.Kind.KIND_HOSTED);
                    assertThat(event.getExpert().getUid()).isEqualTo("ffn.0");
                    assertThat(event.getExpert().getFurtherUidsList()).isEmpty();
                })
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void events_ofBatches_tellTheBytesOfCallsAnsweredBefore() {
        server.start().block(TIMEOUT);
        long bytes = 2L * ROWS * WIDTH * Float.BYTES;
        Flux<EventMessage> batches =
                feed.events().filter(event -> event.getBatch().getBytes() > 0);

        StepVerifier.create(batches.take(1).mergeWith(forward().then(forward()).cast(EventMessage.class)))
                .assertNext(event -> {
                    assertThat(event.getBatch().getBytes()).isEqualTo(bytes);
                    assertThat(event.getBatch().getPlainBytes()).isEqualTo(bytes);
                })
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void close_tellsThatTheExpertsAreRemoved() {
        server.start().block(TIMEOUT);

        StepVerifier.create(feed.events().take(2))
                .assertNext(
                        event -> assertThat(event.getExpert().getKind()).isEqualTo(ExpertEventMessage.Kind.KIND_HOSTED))
                .then(() -> server.close().block(TIMEOUT))
                .assertNext(event ->
                        assertThat(event.getExpert().getKind()).isEqualTo(ExpertEventMessage.Kind.KIND_REMOVED))
                .expectComplete()
                .verify(TIMEOUT);
    }
}
