package dev.hivemind.moe.gating;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.expert.ExpertUid;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoutingTest {

    private static Routing routing() {
        var routing = new Routing.Builder(3, 2);
        routing.add(0, 0, List.of(Grids.expert("ffn.7")));
        routing.add(0, 1, List.of(Grids.expert("ffn.3")));
        routing.add(2, 0, List.of(Grids.expert("ffn.3")));
        return routing.build();
    }

    @Test
    void slots_ofRowsWithFewerExperts_areEmpty() {
        assertThat(routing().slots()).containsExactly(0, 1, Routing.NOBODY, Routing.NOBODY, 1, Routing.NOBODY);
        assertThat(routing().uids(1)).isEmpty();
        assertThat(routing().uids(2)).containsExactly(new ExpertUid("ffn.3"));
    }

    @Test
    void slotsOf_coversEverySlotOfAnExpertOnce() {
        Routing routing = routing();

        assertThat(routing.slotsOf(0)).containsExactly(0);
        assertThat(routing.slotsOf(1)).containsExactly(1, 4);
        assertThat(routing.rowsOf(routing.slotsOf(1))).containsExactly(0, 2);
    }
}
