package dev.hivemind.dashboard.history;

import static dev.hivemind.dashboard.history.ToldSwarm.ADDRESSES;
import static dev.hivemind.dashboard.history.ToldSwarm.SERVER;
import static dev.hivemind.dashboard.history.ToldSwarm.TRAINER;
import static dev.hivemind.dashboard.history.ToldSwarm.hosted;
import static dev.hivemind.dashboard.history.ToldSwarm.peer;
import static dev.hivemind.dashboard.history.ToldSwarm.step;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dashboard.history.SwarmView.EventView;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who and what goes out of sight, and when it is forgotten. */
class SwarmForgettingTest {

    private final ToldSwarm swarm = new ToldSwarm();
    private final SwarmHistory history = swarm.history;

    @Test
    void outOfReach_aNode_isUnreachableThenGoneThenForgotten() {
        swarm.answers(SERVER);

        history.outOfReach(SERVER);
        assertThat(swarm.node(SERVER).state()).isEqualTo("unreachable");
        swarm.pass(Duration.ofMillis(Nodes.LOST_MILLIS));
        assertThat(swarm.node(SERVER).state()).isEqualTo("gone");
        swarm.pass(Duration.ofMillis(Nodes.SHOWN_MILLIS));
        assertThat(history.view().nodes()).isEmpty();
        assertThat(history.view().events()).extracting(EventView::kind).containsExactly("join", "failure", "leave");
    }

    @Test
    void outOfReach_aNodeThatComesBack_isOnline() {
        swarm.answers(SERVER);
        history.outOfReach(SERVER);

        swarm.answers(SERVER);

        assertThat(swarm.node(SERVER).state()).isEqualTo("online");
        assertThat(swarm.texts()).last().asString().endsWith("is back");
    }

    @Test
    void outOfReach_aNodeThatTellsSomething_isBack() {
        swarm.answers(SERVER);
        history.outOfReach(SERVER);

        history.told(SERVER, hosted("ffn.0"));

        assertThat(swarm.node(SERVER).state()).isEqualTo("online");
        assertThat(swarm.texts()).last().asString().endsWith("is back");
    }

    @Test
    void outOfReach_aNodeThatGaveUpItsExperts_hasLeft() {
        swarm.answers(SERVER);
        history.told(SERVER, hosted("ffn.0"));
        history.told(
                SERVER,
                EventMessage.newBuilder()
                        .setExpert(ExpertEventMessage.newBuilder()
                                .setKind(ExpertEventMessage.Kind.KIND_REMOVED)
                                .setUid("ffn.0"))
                        .build());

        history.outOfReach(SERVER);

        assertThat(swarm.node(SERVER).state()).isEqualTo("gone");
    }

    @Test
    void outOfReach_aStranger_isNotRemembered() {
        history.outOfReach(SERVER);

        assertThat(history.view().nodes()).isEmpty();
    }

    @Test
    void expert_whoseOnlyOwnerIsOutOfReach_isGone() {
        swarm.answers(SERVER);
        history.told(SERVER, hosted("ffn.0"));

        history.outOfReach(SERVER);

        assertThat(swarm.expert("ffn.0").state()).isEqualTo("gone");
    }

    @Test
    void expert_whoseOwnerWasKilledAndHasLeftTheDht_isForgotten() {
        swarm.answers(SERVER);
        history.told(SERVER, hosted("ffn.0"));
        var status = new ExpertStatus(ExpertStatus.State.ONLINE, 0, true, ByteString.EMPTY);
        var owner = new ExpertDescriptor(new ExpertUid("ffn.0"), SERVER, ADDRESSES, status);
        history.declared(owner);

        history.outOfReach(SERVER);
        history.withdrawn(owner);
        swarm.pass(Duration.ofMillis(Nodes.LOST_MILLIS + Nodes.SHOWN_MILLIS + Experts.SHOWN_MILLIS));

        assertThat(history.view().grids()).isEmpty();
    }

    @Test
    void expert_thatTheDhtStillNamesWhenItsOwnerIsForgotten_isGoneUntilThatIsBack() {
        swarm.answers(SERVER);
        var status = new ExpertStatus(ExpertStatus.State.ONLINE, 0, true, ByteString.EMPTY);
        history.declared(new ExpertDescriptor(new ExpertUid("ffn.0"), SERVER, ADDRESSES, status));

        history.outOfReach(SERVER);
        swarm.pass(Duration.ofMillis(Nodes.LOST_MILLIS + Nodes.SHOWN_MILLIS + 1_000));
        assertThat(history.view().nodes()).isEmpty();
        assertThat(swarm.expert("ffn.0").state()).isEqualTo("gone");

        swarm.answers(SERVER);
        assertThat(swarm.expert("ffn.0").state()).isEqualTo("online");
    }

    @Test
    void forgetDeclarations_ofExpertsOfTheDhtAlone_leavesThemWithoutOwners() {
        var status = new ExpertStatus(ExpertStatus.State.ONLINE, 0, true, ByteString.EMPTY);
        swarm.answers(SERVER);
        history.told(SERVER, hosted("ffn.0"));
        history.declared(new ExpertDescriptor(new ExpertUid("ffn.0"), SERVER, ADDRESSES, status));
        history.declared(new ExpertDescriptor(new ExpertUid("ffn.1"), SERVER, ADDRESSES, status));

        history.forgetDeclarations();

        assertThat(swarm.expert("ffn.0").state()).isEqualTo("online");
        assertThat(swarm.expert("ffn.1").state()).isEqualTo("gone");
    }

    @Test
    void charts_afterALongTime_holdTheLastFiveMinutes() {
        swarm.pass(Duration.ofMinutes(6));

        List<List<Number>> points = List.copyOf(history.view().charts().points());
        assertThat(points).hasSize(ChartHistory.MAX_POINTS);
        assertThat(points.get(299).get(0).longValue() - points.get(0).get(0).longValue())
                .isEqualTo(299_000);
    }

    @Test
    void reported_silence_endsTheRunAndThenTheTrainer() {
        history.reported(TRAINER, step("main", 1));
        assertThat(history.view().runs().get(0).latest().state()).isEqualTo("running");

        swarm.pass(Duration.ofMillis(RunHistory.SILENCE_MILLIS + 200));
        assertThat(history.view().runs().get(0).latest().state()).isEqualTo("ended");
        swarm.pass(Duration.ofMillis(Nodes.TRAINER_SILENCE_MILLIS));
        assertThat(swarm.node(TRAINER).state()).isEqualTo("gone");
        assertThat(swarm.texts()).contains("Run 'main' has begun", "Run 'main' has ended after 1 steps");
    }

    @Test
    void reported_moreRunsThanAreKept_leaveThoseThatGoOn() {
        for (int run = 0; run < Runs.MAX_RUNS + 5; run++) {
            history.reported(TRAINER, step("run" + run, 1));
        }
        assertThat(history.view().runs())
                .hasSize(Runs.MAX_RUNS)
                .first()
                .satisfies(run -> assertThat(run.latest().run()).isEqualTo("run0"));

        swarm.pass(Duration.ofMillis(RunHistory.SILENCE_MILLIS + 200));
        history.reported(TRAINER, step("late", 1));

        assertThat(history.view().runs())
                .hasSize(Runs.MAX_RUNS)
                .last()
                .satisfies(run -> assertThat(run.latest().run()).isEqualTo("late"));
    }

    @Test
    void history_ofAHostileSwarm_isBounded() {
        for (int i = 0; i < 3_000; i++) {
            swarm.answers(peer(i));
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
}
