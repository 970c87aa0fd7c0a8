package dev.hivemind.dashboard.history;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dashboard.history.SwarmView.ConnectionView;
import dev.hivemind.dashboard.history.SwarmView.EventView;
import dev.hivemind.dashboard.history.SwarmView.ExpertView;
import dev.hivemind.dashboard.history.SwarmView.GridView;
import dev.hivemind.dashboard.history.SwarmView.LinkView;
import dev.hivemind.dashboard.history.SwarmView.NodeView;
import dev.hivemind.dashboard.history.SwarmView.RunView;
import dev.hivemind.dashboard.history.SwarmView.UsageView;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import dev.hivemind.rsocket.events.proto.MixtureEventMessage;
import dev.hivemind.rsocket.events.proto.RejectionEventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SwarmHistoryTest {

    private static final List<PeerAddress> ADDRESSES = List.of(new PeerAddress("127.0.0.1", 4000));

    private final ManualClock clock = new ManualClock();
    private final SwarmHistory history = new SwarmHistory(peer(255), clock);
    private final PeerId server = peer(1);
    private final PeerId trainer = peer(2);

    private static PeerId peer(int number) {
        byte[] bytes = new byte[PeerId.BYTES];
        bytes[0] = (byte) number;
        bytes[1] = (byte) (number >> 8);
        return PeerId.fromBytes(bytes);
    }

    private void pass(Duration time) {
        for (Duration passed = Duration.ZERO; passed.compareTo(time) < 0; passed = passed.plusMillis(200)) {
            clock.advance(Duration.ofMillis(200));
            history.advance();
        }
    }

    private void answers(PeerId node) {
        history.answered(node, ADDRESSES, Duration.ofMillis(2), List.of());
    }

    private static EventMessage hosted(String... uids) {
        return EventMessage.newBuilder()
                .setExpert(ExpertEventMessage.newBuilder()
                        .setKind(ExpertEventMessage.Kind.KIND_HOSTED)
                        .setUid(uids[0])
                        .addAllFurtherUids(List.of(uids).subList(1, uids.length)))
                .build();
    }

    private static EventMessage batch(String uid, int rows, int failed) {
        return EventMessage.newBuilder()
                .setBatch(BatchEventMessage.newBuilder()
                        .setUid(uid)
                        .setOperation(Operation.EXPERT_BACKWARD.wireId())
                        .setRows(rows)
                        .setCalls(2)
                        .setFailed(failed)
                        .setWaitedMicros(500)
                        .setComputedMicros(2_000)
                        .setBytes(100)
                        .setPlainBytes(400))
                .build();
    }

    private static EventMessage step(String run, long step) {
        return EventMessage.newBuilder()
                .setTraining(TrainingEventMessage.newBuilder()
                        .setRun(run)
                        .setStep(step)
                        .setLoss(0.5)
                        .setSamplesPerSecond(3_000))
                .build();
    }

    private EventMessage pass(String uid, int rows, String error) {
        return EventMessage.newBuilder()
                .setMixture(MixtureEventMessage.newBuilder()
                        .setGrid("ffn.[0:4].[0:4]")
                        .setGateEntropy(2.5)
                        .addCalls(MixtureCallMessage.newBuilder()
                                .setUid(uid)
                                .setPeerId(ByteString.copyFrom(server.toBytes()))
                                .setRows(rows)
                                .setError(error)))
                .build();
    }

    private NodeView node(PeerId id) {
        return history.view().nodes().stream()
                .filter(node -> node.id().equals(id.toString()))
                .findFirst()
                .orElseThrow();
    }

    private ExpertView expert(String uid) {
        return history.view().grids().stream()
                .flatMap(grid -> grid.experts().stream())
                .filter(expert -> expert.uid().equals(uid))
                .findFirst()
                .orElseThrow();
    }

    private List<String> texts() {
        return history.view().events().stream().map(EventView::text).toList();
    }

    @Test
    void answered_aStranger_joinsAndIsShown() {
        history.answered(server, ADDRESSES, null, List.of(peer(3), peer(4)));

        NodeView node = node(server);
        assertThat(node.kind()).isEqualTo("dht");
        assertThat(node.state()).isEqualTo("online");
        assertThat(node.addresses()).containsExactly("127.0.0.1:4000");
        assertThat(node.knows()).isEqualTo(2);
        assertThat(node.roundTripMillis()).isNull();
        assertThat(history.view().events())
                .singleElement()
                .extracting(EventView::kind)
                .isEqualTo("join");
    }

    @Test
    void outOfReach_aNode_isUnreachableThenGoneThenForgotten() {
        answers(server);

        history.outOfReach(server);
        assertThat(node(server).state()).isEqualTo("unreachable");
        pass(Duration.ofMillis(Nodes.LOST_MILLIS));
        assertThat(node(server).state()).isEqualTo("gone");
        pass(Duration.ofMillis(Nodes.SHOWN_MILLIS));
        assertThat(history.view().nodes()).isEmpty();
        assertThat(history.view().events()).extracting(EventView::kind).containsExactly("join", "failure", "leave");
    }

    @Test
    void outOfReach_aNodeThatComesBack_isOnline() {
        answers(server);
        history.outOfReach(server);

        answers(server);

        assertThat(node(server).state()).isEqualTo("online");
        assertThat(texts()).last().asString().endsWith("is back");
    }

    @Test
    void outOfReach_aNodeThatTellsSomething_isBack() {
        answers(server);
        history.outOfReach(server);

        history.told(server, hosted("ffn.0"));

        assertThat(node(server).state()).isEqualTo("online");
        assertThat(texts()).last().asString().endsWith("is back");
    }

    @Test
    void outOfReach_aNodeThatGaveUpItsExperts_hasLeft() {
        answers(server);
        history.told(server, hosted("ffn.0"));
        history.told(
                server,
                EventMessage.newBuilder()
                        .setExpert(ExpertEventMessage.newBuilder()
                                .setKind(ExpertEventMessage.Kind.KIND_REMOVED)
                                .setUid("ffn.0"))
                        .build());

        history.outOfReach(server);

        assertThat(node(server).state()).isEqualTo("gone");
    }

    @Test
    void outOfReach_aStranger_isNotRemembered() {
        history.outOfReach(server);

        assertThat(history.view().nodes()).isEmpty();
    }

    @Test
    void told_hostedExperts_areShownInTheirGrids() {
        answers(server);

        history.told(server, hosted("ffn.0.3", "ffn.2.1", "flat.7"));

        List<GridView> grids = history.view().grids();
        assertThat(grids).extracting(GridView::prefix).containsExactly("ffn", "flat");
        assertThat(grids.get(0).dimensions()).containsExactly(3, 4);
        assertThat(grids.get(1).dimensions()).containsExactly(8);
        assertThat(expert("ffn.0.3").owners()).containsExactly(server.toString());
        assertThat(node(server).kind()).isEqualTo("server");
        assertThat(node(server).experts()).isEqualTo(3);
        assertThat(history.prefixes()).containsExactly("ffn", "flat");
    }

    @Test
    void told_anExpertFarOut_leavesTheGridWithoutDimensions() {
        answers(server);

        history.told(server, hosted("ffn.0.3", "ffn.0.999999999"));

        assertThat(history.view().grids()).singleElement().satisfies(grid -> {
            assertThat(grid.dimensions()).isEmpty();
            assertThat(grid.experts()).hasSize(2);
        });
    }

    @Test
    void reported_aGridLargerThanAny_isNotBelieved() {
        answers(server);
        history.told(server, hosted("ffn.0.3"));

        history.reported(
                trainer,
                EventMessage.newBuilder()
                        .setMixture(MixtureEventMessage.newBuilder().setGrid("ffn.[0:1].[0:999999999]"))
                        .build());

        assertThat(history.view().grids().get(0).dimensions()).containsExactly(1, 4);
    }

    @Test
    void told_byWhoeverIsNotKnown_isIgnored() {
        history.told(server, hosted("ffn.0"));

        assertThat(history.view().grids()).isEmpty();
    }

    @Test
    void declared_expertsOfTheDht_haveItsStatus() {
        answers(server);
        var status = new ExpertStatus(ExpertStatus.State.DRAINING, 0.25f, true, ByteString.EMPTY);
        var owner = new ExpertDescriptor(new ExpertUid("ffn.1.1"), server, ADDRESSES, status);

        history.declared(owner);

        assertThat(expert("ffn.1.1").state()).isEqualTo("draining");
        assertThat(expert("ffn.1.1").trainable()).isTrue();
        assertThat(node(server).load()).isEqualTo(0.25);
        assertThat(node(server).state()).isEqualTo("draining");

        history.withdrawn(owner);
        assertThat(expert("ffn.1.1").state()).isEqualTo("gone");
        pass(Duration.ofMillis(Experts.SHOWN_MILLIS + 1_000));
        assertThat(history.view().grids()).isEmpty();
    }

    @Test
    void expert_whoseOnlyOwnerIsOutOfReach_isGone() {
        answers(server);
        history.told(server, hosted("ffn.0"));

        history.outOfReach(server);

        assertThat(expert("ffn.0").state()).isEqualTo("gone");
    }

    @Test
    void expert_whoseOwnerWasKilledAndHasLeftTheDht_isForgotten() {
        answers(server);
        history.told(server, hosted("ffn.0"));
        var status = new ExpertStatus(ExpertStatus.State.ONLINE, 0, true, ByteString.EMPTY);
        var owner = new ExpertDescriptor(new ExpertUid("ffn.0"), server, ADDRESSES, status);
        history.declared(owner);

        history.outOfReach(server);
        history.withdrawn(owner);
        pass(Duration.ofMillis(Nodes.LOST_MILLIS + Nodes.SHOWN_MILLIS + Experts.SHOWN_MILLIS));

        assertThat(history.view().grids()).isEmpty();
    }

    @Test
    void expert_thatTheDhtStillNamesWhenItsOwnerIsForgotten_isGoneUntilThatIsBack() {
        answers(server);
        var status = new ExpertStatus(ExpertStatus.State.ONLINE, 0, true, ByteString.EMPTY);
        history.declared(new ExpertDescriptor(new ExpertUid("ffn.0"), server, ADDRESSES, status));

        history.outOfReach(server);
        pass(Duration.ofMillis(Nodes.LOST_MILLIS + Nodes.SHOWN_MILLIS + 1_000));
        assertThat(history.view().nodes()).isEmpty();
        assertThat(expert("ffn.0").state()).isEqualTo("gone");

        answers(server);
        assertThat(expert("ffn.0").state()).isEqualTo("online");
    }

    @Test
    void forgetDeclarations_ofExpertsOfTheDhtAlone_leavesThemWithoutOwners() {
        var status = new ExpertStatus(ExpertStatus.State.ONLINE, 0, true, ByteString.EMPTY);
        answers(server);
        history.told(server, hosted("ffn.0"));
        history.declared(new ExpertDescriptor(new ExpertUid("ffn.0"), server, ADDRESSES, status));
        history.declared(new ExpertDescriptor(new ExpertUid("ffn.1"), server, ADDRESSES, status));

        history.forgetDeclarations();

        assertThat(expert("ffn.0").state()).isEqualTo("online");
        assertThat(expert("ffn.1").state()).isEqualTo("gone");
    }

    @Test
    void told_batches_giveRatesAndChartPoints() {
        answers(server);
        for (int i = 0; i < 50; i++) {
            history.told(server, batch("ffn.0", 30, 0));
            pass(Duration.ofMillis(200));
        }

        ExpertView expert = expert("ffn.0");
        assertThat(expert.rowsPerSecond()).isBetween(120.0, 150.0);
        assertThat(expert.queueMillis()).isEqualTo(0.5);
        assertThat(expert.computeMillis()).isEqualTo(2.0);
        assertThat(expert.updates()).isEqualTo(50);
        assertThat(node(server).rowsPerSecond()).isEqualTo(expert.rowsPerSecond());
        List<Number> point = history.view().charts().points().get(5);
        assertThat(point.subList(1, 3)).containsExactly(150.0, 30.0);
        assertThat(point.get(ChartHistory.NAMES.indexOf("computeP99Millis") + 1).doubleValue())
                .isBetween(1.98, 2.02);
        assertThat(point.get(ChartHistory.NAMES.indexOf("bytes") + 1)).isEqualTo(500.0);
        assertThat(point.get(ChartHistory.NAMES.indexOf("plainBytes") + 1)).isEqualTo(2_000.0);
    }

    @Test
    void charts_afterALongTime_holdTheLastFiveMinutes() {
        pass(Duration.ofMinutes(6));

        List<List<Number>> points = List.copyOf(history.view().charts().points());
        assertThat(points).hasSize(ChartHistory.MAX_POINTS);
        assertThat(points.get(299).get(0).longValue() - points.get(0).get(0).longValue())
                .isEqualTo(299_000);
    }

    @Test
    void told_failuresAndRejections_areCountedAndToldOnceASecond() {
        answers(server);
        for (int i = 0; i < 10; i++) {
            history.told(server, batch("ffn.0", 1, 1));
            history.told(
                    server,
                    EventMessage.newBuilder()
                            .setRejection(RejectionEventMessage.newBuilder()
                                    .setUid("ffn.0")
                                    .setError("overloaded")
                                    .setCalls(3))
                            .build());
        }
        pass(Duration.ofSeconds(1));

        assertThat(expert("ffn.0").failures()).isEqualTo(10);
        assertThat(expert("ffn.0").rejections()).isEqualTo(30);
        assertThat(expert("ffn.0").rejectionsPerSecond()).isEqualTo(6);
        assertThat(texts())
                .contains("10 calls to ffn.0 failed: expert-failed", "30 calls to ffn.0 were refused: overloaded");
    }

    @Test
    void reported_failedCalls_countOnceWhenTheServerTellsOfThemToo() {
        answers(server);
        history.told(server, hosted("ffn.0"));
        history.feed(server, FeedState.LIVE, Duration.ofMillis(1));

        history.reported(trainer, pass("ffn.0", 10, "expert-failed"));
        assertThat(expert("ffn.0").failures()).isZero();
        history.reported(trainer, pass("ffn.0", 10, "peer-unavailable"));
        assertThat(expert("ffn.0").failures()).isOne();

        history.feed(server, FeedState.NONE, null);
        history.reported(trainer, pass("ffn.0", 10, "expert-failed"));
        assertThat(expert("ffn.0").failures()).isEqualTo(2);
        assertThat(node(server).failuresPerSecond()).isPositive();
    }

    @Test
    void reported_passes_giveLinksUsageAndTheSizeOfTheGrid() {
        answers(server);
        history.told(server, hosted("ffn.0.0", "ffn.1.1"));

        history.reported(trainer, step("main", 1));
        history.reported(trainer, pass("ffn.0.0", 30, ""));
        history.reported(trainer, pass("ffn.1.1", 10, ""));

        SwarmView view = history.view();
        assertThat(view.grids().get(0).dimensions()).containsExactly(4, 4);
        assertThat(expert("ffn.0.0").usage()).isEqualTo(0.75);
        assertThat(view.links())
                .extracting(LinkView::kind, LinkView::from, LinkView::to)
                .contains(
                        org.assertj.core.groups.Tuple.tuple("calls", trainer.toString(), server.toString()),
                        org.assertj.core.groups.Tuple.tuple(
                                "reports", trainer.toString(), peer(255).toString()));
        RunView run = view.runs().get(0);
        assertThat(run.latest().gateEntropy()).isEqualTo(2.5);
        assertThat(run.latest().usage()).extracting(UsageView::share).containsExactly(0.75, 0.25);
    }

    @Test
    void reported_silence_endsTheRunAndThenTheTrainer() {
        history.reported(trainer, step("main", 1));
        assertThat(history.view().runs().get(0).latest().state()).isEqualTo("running");

        pass(Duration.ofMillis(RunHistory.SILENCE_MILLIS + 200));
        assertThat(history.view().runs().get(0).latest().state()).isEqualTo("ended");
        pass(Duration.ofMillis(Nodes.TRAINER_SILENCE_MILLIS));
        assertThat(node(trainer).state()).isEqualTo("gone");
        assertThat(texts()).contains("Run 'main' has begun", "Run 'main' has ended after 1 steps");
    }

    @Test
    void reported_manySteps_areThinnedOutOverTheWholeRun() {
        IntStream.rangeClosed(1, 10_000).forEach(step -> history.reported(trainer, step("main", step)));

        RunView run = history.view().runs().get(0);
        assertThat(run.points()).hasSizeBetween(RunHistory.MAX_POINTS / 2, RunHistory.MAX_POINTS);
        assertThat(run.points().get(0).get(0)).isEqualTo(1L);
        assertThat(run.points().get(run.points().size() - 1).get(0))
                .satisfies(last -> assertThat(last.longValue()).isGreaterThan(9_900));
        assertThat(run.generation()).isPositive();
    }

    @Test
    void reported_moreRunsThanAreKept_leaveThoseThatGoOn() {
        for (int run = 0; run < Runs.MAX_RUNS + 5; run++) {
            history.reported(trainer, step("run" + run, 1));
        }
        assertThat(history.view().runs())
                .hasSize(Runs.MAX_RUNS)
                .first()
                .satisfies(run -> assertThat(run.latest().run()).isEqualTo("run0"));

        pass(Duration.ofMillis(RunHistory.SILENCE_MILLIS + 200));
        history.reported(trainer, step("late", 1));

        assertThat(history.view().runs())
                .hasSize(Runs.MAX_RUNS)
                .last()
                .satisfies(run -> assertThat(run.latest().run()).isEqualTo("late"));
    }

    @Test
    void reported_lossThatIsNoNumber_isUnknown() {
        history.reported(
                trainer,
                EventMessage.newBuilder()
                        .setTraining(TrainingEventMessage.newBuilder()
                                .setRun("main")
                                .setStep(-5)
                                .setLoss(Double.NaN))
                        .build());

        assertThat(history.view().runs().get(0).latest().loss()).isNull();
        assertThat(history.view().runs().get(0).latest().step()).isZero();
    }

    @Test
    void told_strangeNames_areMadeHarmless() {
        answers(server);
        history.told(server, hosted("<b>\u202E\n.1", "no uid", "x.1.2.3.4.5.6.7.8.9"));
        history.reported(trainer, step("<script>\u0007" + "x".repeat(1_000), 1));

        assertThat(history.view().grids()).singleElement().satisfies(grid -> {
            assertThat(grid.prefix()).isEqualTo("<b>\uFFFD\uFFFD");
            assertThat(grid.experts().get(0).uid()).isEqualTo("<b>\uFFFD\uFFFD.1");
        });
        assertThat(history.view().runs().get(0).latest().run())
                .hasSize(100)
                .startsWith("<script>\uFFFDxx")
                .endsWith("…");
    }

    @Test
    void history_ofAHostileSwarm_isBounded() {
        for (int i = 0; i < 3_000; i++) {
            answers(peer(i));
            history.told(peer(i), hosted("a" + i + ".1", "a" + i + ".2"));
            history.reported(peer(i), step("run" + i, i));
        }

        SwarmView view = history.view();
        assertThat(view.nodes()).hasSize(Nodes.MAX_NODES);
        assertThat(view.grids().stream().mapToInt(grid -> grid.experts().size()).sum())
                .isLessThanOrEqualTo(Experts.MAX_EXPERTS);
        assertThat(view.runs()).hasSize(Runs.MAX_RUNS);
        assertThat(view.events()).hasSize(EventLog.CAPACITY);
        assertThat(view.links()).hasSizeLessThanOrEqualTo(SwarmPainter.MAX_LINKS);
    }

    @Test
    void told_missedEvents_areNoted() {
        answers(server);
        history.told(server, EventMessage.newBuilder().setDropped(12).build());
        pass(Duration.ofSeconds(1));

        assertThat(texts()).contains("12 events were missed: figures are too low");
    }

    @Test
    void connection_thatChanges_isNotedOnce() {
        history.connection(new ConnectionView("joined", "127.0.0.1:1", "Joined the swarm", null));
        history.connection(new ConnectionView("lost", "127.0.0.1:1", "Lost", 5L));
        history.connection(new ConnectionView("lost", "127.0.0.1:1", "Lost", 9L));

        assertThat(texts()).containsExactly("Joined the swarm", "Lost");
        assertThat(history.view().connection().retryAt()).isEqualTo(9L);
    }
}
