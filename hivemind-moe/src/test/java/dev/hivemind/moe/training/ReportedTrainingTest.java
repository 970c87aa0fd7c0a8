package dev.hivemind.moe.training;

import static dev.hivemind.moe.training.TrainingFixture.CLASSES;
import static dev.hivemind.moe.training.TrainingFixture.TIMEOUT;
import static dev.hivemind.moe.training.TrainingFixture.WIDTH;
import static dev.hivemind.moe.training.TrainingFixture.batches;
import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.client.Swarm;
import dev.hivemind.moe.mixture.RemoteMixtureOfExperts;
import dev.hivemind.moe.optimizer.OptimizerConfig;
import dev.hivemind.moe.training.report.TrainingEvents;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.events.CollectedEvent;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import dev.hivemind.rsocket.events.proto.MixtureEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;

/** A trainer that nobody can dial tells somebody else how it goes. */
class ReportedTrainingTest {

    private static final int STEPS = 20;

    @RegisterExtension
    final TrainingFixture fixture = new TrainingFixture();

    private final Swarm swarm = new Swarm();
    private final EventFeed feed = new EventFeed(Clock.systemUTC());
    private final PeerNode trainer = PeerNode.builder().build();
    private final PeerNode collector =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final Disposable.Composite subscriptions = Disposables.composite();
    private final List<EventMessage> told = new CopyOnWriteArrayList<>();

    @AfterEach
    void close() {
        subscriptions.dispose();
        swarm.close();
        trainer.close().then(collector.close()).block(TIMEOUT);
    }

    private void report() {
        collector.start().block(TIMEOUT);
        subscriptions.add(
                EventFeed.collect(collector).map(CollectedEvent::event).subscribe(told::add));
        subscriptions.add(feed.reportTo(trainer, collector.addresses().get(0)));
        await(feed::isObserved);
    }

    private static void await(BooleanSupplier condition) {
        Flux.interval(Duration.ofMillis(2))
                .onBackpressureDrop()
                .takeUntil(tick -> condition.getAsBoolean())
                .blockLast(TIMEOUT);
    }

    @Test
    void train_reportingToACollector_tellsOfEachStepAndOfTheUseOfEachExpert() {
        swarm.host(0, 3, WIDTH, OptimizerConfig.sgd(0.05));
        var mixture = RemoteMixtureOfExperts.builder(swarm.client(), fixture.manager())
                .grid("ffn.[0:4]")
                .inFeatures(WIDTH)
                .kBest(2)
                .events(feed)
                .build();
        TrainingPipeline pipeline = fixture.built(TrainingPipeline.builder(swarm.client())
                .mixture("experts", mixture)
                .local("decoder", fixture.linear(WIDTH, CLASSES, 2))
                .loss(Loss.crossEntropy()));
        report();

        pipeline.train(batches(0, STEPS))
                .doOnNext(new TrainingEvents(feed, "run"))
                .blockLast(TIMEOUT);

        await(() -> steps().size() == STEPS);
        assertThat(steps()).isSorted().doesNotHaveDuplicates();
        assertThat(usage()).isEqualTo(mixture.statistics().rowsByExpert()).isNotEmpty();
    }

    private List<Long> steps() {
        return told.stream()
                .filter(EventMessage::hasTraining)
                .map(event -> event.getTraining().getStep())
                .toList();
    }

    /** As a reader of the feed adds it up. */
    private Map<ExpertUid, Long> usage() {
        return told.stream()
                .map(EventMessage::getMixture)
                .filter(pass -> pass.getOperation() == Operation.EXPERT_FORWARD.wireId())
                .map(MixtureEventMessage::getCallsList)
                .flatMap(List::stream)
                .filter(call -> call.getError().isEmpty())
                .collect(Collectors.groupingBy(
                        call -> new ExpertUid(call.getUid()),
                        TreeMap::new,
                        Collectors.summingLong(MixtureCallMessage::getRows)));
    }
}
