package dev.hivemind.moe.training.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.CollectedEvent;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class TrainingEventsTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final EventFeed feed = new EventFeed(Clock.systemUTC());
    private final AtomicLong nanos = new AtomicLong();
    private final List<PeerNode> nodes = new ArrayList<>();

    @AfterEach
    void close() {
        Flux.fromIterable(nodes).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private PeerNode node(PeerAddress... addresses) {
        PeerNode node = PeerNode.builder()
                .listen(addresses)
                .drainTimeout(Duration.ofMillis(1))
                .build();
        nodes.add(node);
        return node.start().block(TIMEOUT);
    }

    @Test
    void accept_aReport_isTheEventOfItsStep() {
        var events = new TrainingEvents(feed, "run-1", nanos::get);

        StepVerifier.create(feed.events())
                .then(() -> {
                    nanos.set(5_000_000);
                    events.accept(StepReports.ofStep(3));
                })
                .assertNext(event -> assertThat(event.getTraining())
                        .isEqualTo(TrainingEventMessage.newBuilder()
                                .setRun("run-1")
                                .setStep(3)
                                .setEpoch(2)
                                .setBatch(13)
                                .setLoss(0.5)
                                .setAccuracy(0.25)
                                .setSamples(32)
                                .setMicros(5_000)
                                .setGradientNorm(3)
                                .setLearningRate(0.125)
                                .setStaleness(1)
                                .setSamplesPerSecond(640)
                                .setCalls(6)
                                .setFailedCalls(1)
                                .setExpertsAnswering(4)
                                .build()))
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void accept_withoutObservers_isWithoutEffect() {
        new TrainingEvents(feed, "run-1").accept(StepReports.ofStep(1));

        assertThat(feed.isObserved()).isFalse();
    }

    @Test
    void create_withAVeryLongName_isRefused() {
        assertThatThrownBy(() -> new TrainingEvents(feed, "x".repeat(257)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** A trainer that nobody can dial, and a dashboard. */
    @Test
    void accept_offeredToADashboard_arrivesThere() throws InterruptedException {
        PeerNode dashboard = node(new PeerAddress("127.0.0.1", 0));
        PeerNode trainer = node();
        var received = new LinkedBlockingQueue<CollectedEvent>();
        Disposable collecting = EventFeed.collect(dashboard).subscribe(received::add);
        feed.serve(trainer);
        Disposable offering =
                EventFeed.offer(trainer, dashboard.addresses().get(0)).subscribe();
        Flux.interval(Duration.ofMillis(2))
                .onBackpressureDrop()
                .takeUntil(i -> feed.isObserved())
                .blockLast(TIMEOUT);

        new TrainingEvents(feed, "run-1").accept(StepReports.ofStep(3));

        CollectedEvent event = received.poll(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        assertThat(event.source()).isEqualTo(trainer.id());
        assertThat(event.event().getTraining().getLoss()).isEqualTo(0.5);
        offering.dispose();
        collecting.dispose();
    }
}
