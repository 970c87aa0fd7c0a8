package dev.hivemind.rsocket.events;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class EventFeedTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05.000006Z");

    private final EventFeed feed = new EventFeed(Clock.fixed(NOW, ZoneOffset.UTC));
    private final List<PeerNode> nodes = new ArrayList<>();

    @AfterEach
    void close() {
        Flux.fromIterable(nodes).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private PeerConnection connect() {
        PeerNode listener =
                PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
        PeerNode dialler = PeerNode.builder().build();
        nodes.addAll(List.of(dialler, listener));
        listener.start().block(TIMEOUT);
        return dialler.connect(listener.addresses().get(0)).block(TIMEOUT);
    }

    private PeerNode listener() {
        return nodes.get(1);
    }

    private void publish(int step) {
        feed.publish(EventMessage.newBuilder()
                .setTraining(TrainingEventMessage.newBuilder().setStep(step)));
    }

    private static long step(EventMessage event) {
        return event.getTraining().getStep();
    }

    @Test
    void publish_withoutSubscribers_isForgotten() {
        publish(1);

        assertThat(feed.isObserved()).isFalse();
        StepVerifier.create(feed.events())
                .expectSubscription()
                .then(() -> publish(2))
                .assertNext(event -> assertThat(step(event)).isEqualTo(2))
                .thenCancel()
                .verify(TIMEOUT);
        assertThat(feed.isObserved()).isFalse();
    }

    @Test
    void events_ofEachNewSubscriber_beginWithTheGreeting() {
        Disposable greeting = feed.greet(() -> List.of(EventMessage.newBuilder()
                .setTraining(TrainingEventMessage.newBuilder().setStep(7))));

        for (int subscriber = 0; subscriber < 2; subscriber++) {
            StepVerifier.create(feed.events())
                    .assertNext(event -> {
                        assertThat(step(event)).isEqualTo(7);
                        assertThat(event.getUnixMicros()).isPositive();
                    })
                    .then(() -> publish(8))
                    .assertNext(event -> assertThat(step(event)).isEqualTo(8))
                    .thenCancel()
                    .verify(TIMEOUT);
        }

        greeting.dispose();
        StepVerifier.create(feed.events())
                .then(() -> publish(9))
                .assertNext(event -> assertThat(step(event)).isEqualTo(9))
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void close_ofANodeThatIsSubscribedTo_doesNotWaitForAnEnd() {
        PeerNode node = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", 0))
                .drainTimeout(Duration.ofHours(1))
                .build();
        PeerNode watcher = PeerNode.builder().build();
        nodes.add(watcher);
        node.start().block(TIMEOUT);
        feed.serve(node);
        PeerConnection connection = watcher.connect(node.addresses().get(0)).block(TIMEOUT);
        feed.greet(() -> List.of(EventMessage.newBuilder()));

        StepVerifier.create(EventFeed.of(connection))
                .expectNextCount(1)
                .then(() -> node.close().block(TIMEOUT))
                .thenConsumeWhile(event -> true)
                .verifyError();
    }

    @Test
    void publish_stampsTheTime() {
        StepVerifier.create(feed.events())
                .then(() -> publish(1))
                .assertNext(event -> assertThat(event.getUnixMicros()).isEqualTo(1_767_323_045_000_006L))
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void publish_eventTooLargeToTravel_isOnlyCountedAsMissed() {
        var tooLarge = EventMessage.newBuilder()
                .setTraining(TrainingEventMessage.newBuilder().setRun("x".repeat(20_000)));

        StepVerifier.create(feed.events())
                .then(() -> feed.publish(tooLarge))
                .assertNext(event -> {
                    assertThat(event.hasTraining()).isFalse();
                    assertThat(event.getDropped()).isEqualTo(1);
                })
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void events_ofASlowSubscriber_areTheNewestWithACountOfTheOthers() {
        var received = new ArrayList<EventMessage>();
        var slow = new BaseSubscriber<EventMessage>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                subscription.request(1);
            }

            @Override
            protected void hookOnNext(EventMessage event) {
                received.add(event);
            }
        };
        feed.events().subscribe(slow);

        IntStream.range(0, 1_000).forEach(this::publish);
        slow.requestUnbounded();

        assertThat(received).hasSize(1 + EventFeed.BUFFER_SIZE);
        assertThat(step(received.get(1))).isEqualTo(1_000 - EventFeed.BUFFER_SIZE);
        assertThat(received.get(1).getDropped()).isEqualTo(1_000 - 1 - EventFeed.BUFFER_SIZE);
        assertThat(received.get(2).getDropped()).isZero();
        slow.cancel();
    }

    @Test
    void events_beyondTheMostSubscribers_areRefusedUntilOneLeaves() {
        List<Disposable> seats = IntStream.range(0, EventFeed.MAX_SUBSCRIBERS)
                .mapToObj(i -> feed.events().subscribe())
                .toList();

        StepVerifier.create(feed.events())
                .expectError(OverloadedException.class)
                .verify(TIMEOUT);
        seats.get(0).dispose();
        StepVerifier.create(feed.events()).expectSubscription().thenCancel().verify(TIMEOUT);
        seats.forEach(Disposable::dispose);
        assertThat(feed.isObserved()).isFalse();
    }

    @Test
    void publish_fromManyThreads_reachesTheSubscriberOnceEach() {
        var steps = new ConcurrentLinkedQueue<Long>();
        Disposable subscriber = feed.events().subscribe(event -> steps.add(step(event)));

        IntStream.range(0, 2_000).parallel().forEach(this::publish);

        assertThat(steps).hasSize(2_000).doesNotHaveDuplicates();
        subscriber.dispose();
    }

    @Test
    void of_aPeerThatServesAFeed_emitsItsEventsUntilCancelled() {
        PeerConnection connection = connect();
        feed.serve(listener());

        StepVerifier.create(EventFeed.of(connection).map(EventFeedTest::step))
                .expectSubscription()
                .then(this::awaitSubscriber)
                .then(() -> IntStream.range(0, 50).forEach(this::publish))
                .expectNextCount(50)
                .thenCancel()
                .verify(TIMEOUT);

        Flux.interval(Duration.ofMillis(1))
                .onBackpressureDrop()
                .takeWhile(i -> feed.isObserved())
                .blockLast(TIMEOUT);
        assertThat(feed.isObserved()).isFalse();
    }

    private void awaitSubscriber() {
        Flux.interval(Duration.ofMillis(1))
                .onBackpressureDrop()
                .takeUntil(i -> feed.isObserved())
                .blockLast(TIMEOUT);
    }

    @Test
    void of_aPeerWithoutAFeed_isAProtocolViolation() {
        StepVerifier.create(EventFeed.of(connect()))
                .expectError(ProtocolViolationException.class)
                .verify(TIMEOUT);
    }
}
