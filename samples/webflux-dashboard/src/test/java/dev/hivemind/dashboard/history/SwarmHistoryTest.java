package dev.hivemind.dashboard.history;

import static dev.hivemind.dashboard.history.ToldSwarm.ADDRESSES;
import static dev.hivemind.dashboard.history.ToldSwarm.SERVER;
import static dev.hivemind.dashboard.history.ToldSwarm.TRAINER;
import static dev.hivemind.dashboard.history.ToldSwarm.batch;
import static dev.hivemind.dashboard.history.ToldSwarm.hosted;
import static dev.hivemind.dashboard.history.ToldSwarm.pass;
import static dev.hivemind.dashboard.history.ToldSwarm.peer;
import static dev.hivemind.dashboard.history.ToldSwarm.step;
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
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.MixtureEventMessage;
import dev.hivemind.rsocket.events.proto.RejectionEventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What is shown of what a swarm tells. */
class SwarmHistoryTest {

    private final ToldSwarm swarm = new ToldSwarm();
    private final SwarmHistory history = swarm.history;

    @Test
    void answered_aStranger_joinsAndIsShown() {
        history.answered(SERVER, ADDRESSES, null, List.of(peer(3), peer(4)));

        NodeView node = swarm.node(SERVER);
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
    void told_hostedExperts_areShownInTheirGrids() {
        swarm.answers(SERVER);

        history.told(SERVER, hosted("ffn.0.3", "ffn.2.1", "flat.7"));

        List<GridView> grids = history.view().grids();
        assertThat(grids).extracting(GridView::prefix).containsExactly("ffn", "flat");
        assertThat(grids.get(0).dimensions()).containsExactly(3, 4);
        assertThat(grids.get(1).dimensions()).containsExactly(8);
        assertThat(swarm.expert("ffn.0.3").owners()).containsExactly(SERVER.toString());
        assertThat(swarm.node(SERVER).kind()).isEqualTo("server");
        assertThat(swarm.node(SERVER).experts()).isEqualTo(3);
        assertThat(history.prefixes()).containsExactly("ffn", "flat");
    }

    @Test
    void told_anExpertFarOut_leavesTheGridWithoutDimensions() {
        swarm.answers(SERVER);

        history.told(SERVER, hosted("ffn.0.3", "ffn.0.999999999"));

        assertThat(history.view().grids()).singleElement().satisfies(grid -> {
            assertThat(grid.dimensions()).isEmpty();
            assertThat(grid.experts()).hasSize(2);
        });
    }

    @Test
    void reported_aGridLargerThanAny_isNotBelieved() {
        swarm.answers(SERVER);
        history.told(SERVER, hosted("ffn.0.3"));

        history.reported(
                TRAINER,
                EventMessage.newBuilder()
                        .setMixture(MixtureEventMessage.newBuilder().setGrid("ffn.[0:1].[0:999999999]"))
                        .build());

        assertThat(history.view().grids().get(0).dimensions()).containsExactly(1, 4);
    }

    @Test
    void told_byWhoeverIsNotKnown_isIgnored() {
        history.told(SERVER, hosted("ffn.0"));

        assertThat(history.view().grids()).isEmpty();
    }

    @Test
    void declared_expertsOfTheDht_haveItsStatus() {
        swarm.answers(SERVER);
        var status = new ExpertStatus(ExpertStatus.State.DRAINING, 0.25f, true, ByteString.EMPTY);
        var owner = new ExpertDescriptor(new ExpertUid("ffn.1.1"), SERVER, ADDRESSES, status);

        history.declared(owner);

        assertThat(swarm.expert("ffn.1.1").state()).isEqualTo("draining");
        assertThat(swarm.expert("ffn.1.1").trainable()).isTrue();
        assertThat(swarm.node(SERVER).load()).isEqualTo(0.25);
        assertThat(swarm.node(SERVER).state()).isEqualTo("draining");

        history.withdrawn(owner);
        assertThat(swarm.expert("ffn.1.1").state()).isEqualTo("gone");
        swarm.pass(Duration.ofMillis(Experts.SHOWN_MILLIS + 1_000));
        assertThat(history.view().grids()).isEmpty();
    }

    @Test
    void told_batches_giveRatesAndChartPoints() {
        swarm.answers(SERVER);
        for (int i = 0; i < 50; i++) {
            history.told(SERVER, batch("ffn.0", 30, 0));
            swarm.pass(Duration.ofMillis(200));
        }

        ExpertView expert = swarm.expert("ffn.0");
        assertThat(expert.rowsPerSecond()).isBetween(120.0, 150.0);
        assertThat(expert.queueMillis()).isEqualTo(0.5);
        assertThat(expert.computeMillis()).isEqualTo(2.0);
        assertThat(expert.updates()).isEqualTo(50);
        assertThat(swarm.node(SERVER).rowsPerSecond()).isEqualTo(expert.rowsPerSecond());
        List<Number> point = history.view().charts().points().get(5);
        assertThat(point.subList(1, 3)).containsExactly(150.0, 30.0);
        assertThat(point.get(ChartHistory.NAMES.indexOf("computeP99Millis") + 1).doubleValue())
                .isBetween(1.98, 2.02);
        assertThat(point.get(ChartHistory.NAMES.indexOf("bytes") + 1)).isEqualTo(500.0);
        assertThat(point.get(ChartHistory.NAMES.indexOf("plainBytes") + 1)).isEqualTo(2_000.0);
    }

    @Test
    void told_failuresAndRejections_areCountedAndToldOnceASecond() {
        swarm.answers(SERVER);
        for (int i = 0; i < 10; i++) {
            history.told(SERVER, batch("ffn.0", 1, 1));
            history.told(
                    SERVER,
                    EventMessage.newBuilder()
                            .setRejection(RejectionEventMessage.newBuilder()
                                    .setUid("ffn.0")
                                    .setError("overloaded")
                                    .setCalls(3))
                            .build());
        }
        swarm.pass(Duration.ofSeconds(1));

        assertThat(swarm.expert("ffn.0").failures()).isEqualTo(10);
        assertThat(swarm.expert("ffn.0").rejections()).isEqualTo(30);
        assertThat(swarm.expert("ffn.0").rejectionsPerSecond()).isEqualTo(6);
        assertThat(swarm.texts())
                .contains("10 calls to ffn.0 failed: expert-failed", "30 calls to ffn.0 were refused: overloaded");
    }

    @Test
    void reported_failedCalls_countOnceWhenTheServerTellsOfThemToo() {
        swarm.answers(SERVER);
        history.told(SERVER, hosted("ffn.0"));
        history.feed(SERVER, FeedState.LIVE, Duration.ofMillis(1));

        history.reported(TRAINER, pass("ffn.0", 10, "expert-failed"));
        assertThat(swarm.expert("ffn.0").failures()).isZero();
        history.reported(TRAINER, pass("ffn.0", 10, "peer-unavailable"));
        assertThat(swarm.expert("ffn.0").failures()).isOne();

        history.feed(SERVER, FeedState.NONE, null);
        history.reported(TRAINER, pass("ffn.0", 10, "expert-failed"));
        assertThat(swarm.expert("ffn.0").failures()).isEqualTo(2);
        assertThat(swarm.node(SERVER).failuresPerSecond()).isPositive();
    }

    @Test
    void reported_passes_giveLinksUsageAndTheSizeOfTheGrid() {
        swarm.answers(SERVER);
        history.told(SERVER, hosted("ffn.0.0", "ffn.1.1"));

        history.reported(TRAINER, step("main", 1));
        history.reported(TRAINER, pass("ffn.0.0", 30, ""));
        history.reported(TRAINER, pass("ffn.1.1", 10, ""));

        SwarmView view = history.view();
        assertThat(view.grids().get(0).dimensions()).containsExactly(4, 4);
        assertThat(swarm.expert("ffn.0.0").usage()).isEqualTo(0.75);
        assertThat(view.links())
                .extracting(LinkView::kind, LinkView::from, LinkView::to)
                .contains(
                        org.assertj.core.groups.Tuple.tuple("calls", TRAINER.toString(), SERVER.toString()),
                        org.assertj.core.groups.Tuple.tuple(
                                "reports", TRAINER.toString(), peer(255).toString()));
        RunView run = view.runs().get(0);
        assertThat(run.latest().gateEntropy()).isEqualTo(2.5);
        assertThat(run.latest().usage()).extracting(UsageView::share).containsExactly(0.75, 0.25);
    }

    @Test
    void reported_manySteps_areThinnedOutOverTheWholeRun() {
        IntStream.rangeClosed(1, 10_000).forEach(step -> history.reported(TRAINER, step("main", step)));

        RunView run = history.view().runs().get(0);
        assertThat(run.points()).hasSizeBetween(RunHistory.MAX_POINTS / 2, RunHistory.MAX_POINTS);
        assertThat(run.points().get(0).get(0)).isEqualTo(1L);
        assertThat(run.points().get(run.points().size() - 1).get(0))
                .satisfies(last -> assertThat(last.longValue()).isGreaterThan(9_900));
        assertThat(run.generation()).isPositive();
    }

    @Test
    void reported_lossThatIsNoNumber_isUnknown() {
        history.reported(
                TRAINER,
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
        swarm.answers(SERVER);
        history.told(SERVER, hosted("<b>\u202E\n.1", "no uid", "x.1.2.3.4.5.6.7.8.9"));
        history.reported(TRAINER, step("<script>\u0007" + "x".repeat(1_000), 1));

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
    void told_missedEvents_areNoted() {
        swarm.answers(SERVER);
        history.told(SERVER, EventMessage.newBuilder().setDropped(12).build());
        swarm.pass(Duration.ofSeconds(1));

        assertThat(swarm.texts()).contains("12 events were missed: figures are too low");
    }

    @Test
    void connection_thatChanges_isNotedOnce() {
        history.connection(new ConnectionView("joined", "127.0.0.1:1", "Joined the swarm", null));
        history.connection(new ConnectionView("lost", "127.0.0.1:1", "Lost", 5L));
        history.connection(new ConnectionView("lost", "127.0.0.1:1", "Lost", 9L));

        assertThat(swarm.texts()).containsExactly("Joined the swarm", "Lost");
        assertThat(history.view().connection().retryAt()).isEqualTo(9L);
    }
}
