package dev.hivemind.rsocket.events;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.Request;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.EventsOfferMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** Events pushed by nodes that only dial. */
class EventOfferTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final EventFeed feed = new EventFeed(Clock.systemUTC());
    private final List<PeerNode> nodes = new ArrayList<>();
    private final Disposable.Composite subscriptions = Disposables.composite();
    private final LinkedBlockingQueue<CollectedEvent> collected = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<PeerId> accepted = new LinkedBlockingQueue<>();

    @AfterEach
    void close() {
        subscriptions.dispose();
        Flux.fromIterable(nodes).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private PeerNode listener() {
        return listener(0);
    }

    private PeerNode listener(int port) {
        PeerNode node = PeerNode.builder()
                .listen(new PeerAddress("127.0.0.1", port))
                .drainTimeout(Duration.ofMillis(1))
                .build();
        nodes.add(node);
        return node.start().block(TIMEOUT);
    }

    private PeerNode dialler() {
        PeerNode node = PeerNode.builder().drainTimeout(Duration.ofMillis(1)).build();
        nodes.add(node);
        return node;
    }

    /** A node that only dials and serves the feed. */
    private PeerNode trainer() {
        PeerNode node = dialler();
        feed.serve(node);
        return node;
    }

    private static PeerAddress addressOf(PeerNode listener) {
        return listener.addresses().get(0);
    }

    private Disposable offer(PeerNode trainer, PeerAddress collector) {
        Disposable offer = EventFeed.offer(trainer, collector).subscribe(accepted::add);
        subscriptions.add(offer);
        return offer;
    }

    private Disposable collect(PeerNode collector) {
        Disposable collecting = EventFeed.collect(collector).subscribe(collected::add);
        subscriptions.add(collecting);
        return collecting;
    }

    private void publish(int step) {
        feed.publish(EventMessage.newBuilder()
                .setTraining(TrainingEventMessage.newBuilder().setStep(step)));
    }

    private CollectedEvent next() throws InterruptedException {
        return collected.poll(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    }

    private static void await(BooleanSupplier condition) {
        Flux.interval(Duration.ofMillis(2))
                .onBackpressureDrop()
                .takeUntil(i -> condition.getAsBoolean())
                .blockLast(TIMEOUT);
    }

    @Test
    void offer_ofANodeThatOnlyDials_isCollectedByTheOther() throws InterruptedException {
        PeerNode collector = listener();
        PeerNode trainer = trainer();
        collect(collector);

        offer(trainer, addressOf(collector));
        await(feed::isObserved);
        publish(7);

        CollectedEvent event = next();
        assertThat(event.source()).isEqualTo(trainer.id());
        assertThat(event.event().getTraining().getStep()).isEqualTo(7);
        await(() -> accepted.contains(collector.id()));
        assertThat(accepted).hasSize(1);
    }

    @Test
    void reportTo_aCollector_tellsItUntilDisposed() throws InterruptedException {
        PeerNode collector = listener();
        PeerNode trainer = dialler();
        collect(collector);

        Disposable reporting = feed.reportTo(trainer, addressOf(collector));
        await(feed::isObserved);
        publish(7);

        assertThat(next().source()).isEqualTo(trainer.id());
        reporting.dispose();
        await(() -> !feed.isObserved());
        feed.serve(trainer).dispose();
    }

    @Test
    void offer_beforeAnybodyCollects_isAcceptedLater() throws InterruptedException {
        PeerNode collector = listener();
        offer(trainer(), addressOf(collector));

        collect(collector);
        await(feed::isObserved);
        publish(1);

        assertThat(next().event().getTraining().getStep()).isEqualTo(1);
    }

    @Test
    void offer_afterTheCollectorWasRestarted_isAcceptedAgain() throws InterruptedException {
        PeerNode first = listener();
        PeerAddress address = addressOf(first);
        collect(first);
        offer(trainer(), address);
        await(feed::isObserved);

        first.close().block(TIMEOUT);
        await(() -> !feed.isObserved());
        PeerNode second = listener(address.port());
        collect(second);
        await(feed::isObserved);
        publish(2);

        assertThat(next().event().getTraining().getStep()).isEqualTo(2);
        await(() -> accepted.contains(second.id()));
        assertThat(accepted).containsExactly(first.id(), second.id());
    }

    @Test
    void offer_cancelled_endsTheSubscriptionToTheFeed() {
        PeerNode collector = listener();
        collect(collector);
        Disposable offer = offer(trainer(), addressOf(collector));
        await(feed::isObserved);

        offer.dispose();

        await(() -> !feed.isObserved());
    }

    @Test
    void collect_cancelled_endsTheSubscriptionToTheFeed() {
        PeerNode collector = listener();
        Disposable collecting = collect(collector);
        offer(trainer(), addressOf(collector));
        await(feed::isObserved);

        collecting.dispose();

        await(() -> !feed.isObserved());
    }

    @Test
    void collect_twiceAtOneNode_isRefused() {
        PeerNode collector = listener();
        collect(collector);

        StepVerifier.create(EventFeed.collect(collector))
                .expectError(IllegalStateException.class)
                .verify(TIMEOUT);
    }

    @Test
    void collect_slowly_neverDelaysThePublisherAndTellsWhatWasMissed() {
        PeerNode collector = listener();
        var events = new LinkedBlockingQueue<CollectedEvent>();
        var slow = new BaseSubscriber<CollectedEvent>() {
            @Override
            protected void hookOnSubscribe(org.reactivestreams.Subscription subscription) {}

            @Override
            protected void hookOnNext(CollectedEvent event) {
                events.add(event);
            }
        };
        EventFeed.collect(collector).subscribe(slow);
        subscriptions.add(slow);
        offer(trainer(), addressOf(collector));
        await(feed::isObserved);

        int published = 20_000;
        for (int step = 1; step <= published; step++) {
            publish(step);
        }
        slow.requestUnbounded();

        await(() -> events.stream().mapToLong(e -> 1 + e.event().getDropped()).sum() == published);
        assertThat(events.stream()
                        .reduce((first, last) -> last)
                        .orElseThrow()
                        .event()
                        .getTraining()
                        .getStep())
                .isEqualTo(published);
    }

    @Test
    void accept_twiceOnOneConnection_isOverload() {
        PeerNode collector = listener();
        PeerNode trainer = trainer();
        collect(collector);
        offer(trainer, addressOf(collector));
        await(feed::isObserved);
        PeerConnection connection = trainer.connect(addressOf(collector)).block(TIMEOUT);

        StepVerifier.create(offerBy(connection))
                .expectError(OverloadedException.class)
                .verify(TIMEOUT);
    }

    @Test
    void accept_ofAPeerWithoutEvents_endsTheOfferWithTheReason() {
        PeerNode collector = listener();
        collect(collector);
        PeerConnection connection = dialler().connect(addressOf(collector)).block(TIMEOUT);

        StepVerifier.create(offerBy(connection))
                .expectNextCount(1)
                .expectErrorSatisfies(error -> assertThat(error).isInstanceOf(RpcException.class))
                .verify(TIMEOUT);
    }

    @Test
    void offer_toANodeThatNeverCollects_isAProtocolViolation() {
        PeerConnection connection = dialler().connect(addressOf(listener())).block(TIMEOUT);

        StepVerifier.create(offerBy(connection))
                .expectError(ProtocolViolationException.class)
                .verify(TIMEOUT);
    }

    private static Flux<Boolean> offerBy(PeerConnection connection) {
        return Flux.using(
                () -> Request.ofSubscription(Operation.EVENTS_OFFER, "", EventsOfferMessage.getDefaultInstance()),
                request ->
                        connection.subscribe(request).doOnNext(Reply::release).map(reply -> true),
                Request::release);
    }
}
