package dev.hivemind.dashboard.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class SwarmJsonTest {

    private static final JsonMapper MAPPER = JsonMapper.builder().build();
    private static final PeerId PEER = PeerId.fromBytes(new byte[PeerId.BYTES]);
    private static final About ABOUT = new About("1", "abc", PEER.toString(), "127.0.0.1:1", 5);

    private final ManualClock clock = new ManualClock();
    private final SwarmHistory history = new SwarmHistory(PEER, clock);
    private final SwarmJson json = new SwarmJson();

    private void pass(Duration time) {
        clock.advance(time);
        history.advance();
    }

    private void step(long step) {
        step("main", step);
    }

    private void step(String run, long step) {
        history.reported(
                PEER,
                EventMessage.newBuilder()
                        .setTraining(TrainingEventMessage.newBuilder()
                                .setRun(run)
                                .setStep(step)
                                .setLoss(1.0 / step))
                        .build());
    }

    private JsonNode changes(long id) {
        byte[] changes = json.changes(id, history.view());
        return changes == null ? MAPPER.createObjectNode() : MAPPER.readTree(changes);
    }

    private static List<String> names(JsonNode object) {
        return new ArrayList<>(object.propertyNames());
    }

    @Test
    void whole_hasAllSections() {
        step(1);
        pass(Duration.ofSeconds(2));

        JsonNode whole = MAPPER.readTree(SwarmJson.whole(7, ABOUT, history.view()));

        assertThat(names(whole))
                .containsExactly(
                        "id", "now", "about", "connection", "nodes", "links", "grids", "charts", "runs", "events");
        assertThat(whole.get("id").asLong()).isEqualTo(7);
        assertThat(whole.get("about").get("commit").asString()).isEqualTo("abc");
        assertThat(whole.get("charts").get("points")).hasSize(2);
        JsonNode run = whole.get("runs").get(0);
        assertThat(run.get("points").get(0).get(1).asDouble()).isEqualTo(1);
        assertThat(run.get("accuracy").isNull()).isTrue();
    }

    @Test
    void changes_ofNothing_areNone() {
        changes(1);

        assertThat(json.changes(2, history.view())).isNull();
    }

    @Test
    void changes_holdOnlySectionsThatChanged() {
        changes(1);
        history.answered(PEER, List.of(new PeerAddress("127.0.0.1", 1)), null, List.of());

        assertThat(names(changes(2))).containsExactly("id", "now", "nodes", "events");
    }

    @Test
    void changes_ofARun_holdNewPointsAlone() {
        step(1);
        step(2);
        assertThat(changes(1).get("runs").get(0).get("points")).hasSize(2);
        step(3);

        JsonNode run = changes(2).get("runs").get(0);

        assertThat(run.has("points")).isFalse();
        assertThat(run.get("newPoints")).hasSize(1);
        assertThat(run.get("newPoints").get(0).get(0).asLong()).isEqualTo(3);
        assertThat(run.get("step").asLong()).isEqualTo(3);
    }

    @Test
    void changes_ofARunThatWasThinnedOut_replaceThePoints() {
        step(1);
        changes(1);
        for (long step = 2; step < 1_000; step++) {
            step(step);
        }

        JsonNode run = changes(2).get("runs").get(0);

        assertThat(run.has("newPoints")).isFalse();
        assertThat(run.get("points").size()).isBetween(300, 600);
    }

    @Test
    void changes_ofARunThatMadeRoomAndBeganAgain_replaceThePoints() {
        for (long step = 1; step <= 5; step++) {
            step(step);
        }
        changes(1);
        pass(Duration.ofSeconds(20));
        for (int run = 0; run < 32; run++) {
            step("run" + run, 1);
        }
        pass(Duration.ofSeconds(20));
        step(1);

        JsonNode runs = changes(2).get("runs");

        assertThat(runs).hasSize(32);
        JsonNode run = runs.get(31);
        assertThat(run.get("run").asString()).isEqualTo("main");
        assertThat(run.has("newPoints")).isFalse();
        assertThat(run.get("points")).hasSize(1);
    }

    @Test
    void changes_ofChartsAndEvents_holdNewOnesAlone() {
        pass(Duration.ofSeconds(3));
        assertThat(changes(1).get("charts").get("newPoints")).hasSize(3);
        pass(Duration.ofSeconds(1));
        step(1);

        JsonNode changes = changes(2);

        assertThat(changes.get("charts").get("newPoints")).hasSize(1);
        assertThat(changes.get("events")).hasSize(2);
        step(2);
        assertThat(changes(3).has("events")).isFalse();
    }
}
