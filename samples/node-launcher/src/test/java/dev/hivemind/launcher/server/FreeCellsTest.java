package dev.hivemind.launcher.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FreeCellsTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final Duration TTL = Duration.ofMinutes(1);

    private final PeerNode node =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final DhtNode dht = DhtNode.builder(node).build();
    private final ExpertDirectory directory = new ExpertDirectory(dht);

    @BeforeEach
    void start() {
        node.start().then(dht.start()).block(TIMEOUT);
    }

    @AfterEach
    void close() {
        dht.close().then(node.close()).block(TIMEOUT);
    }

    private FreeCells cells(ExpertGrid grid) {
        return new FreeCells(directory, node.id(), grid, new Random(1));
    }

    private static ExpertUid uid(String value) {
        return new ExpertUid(value);
    }

    @Test
    void claim_ofPreferredCells_takesThoseInTheGridFirst() {
        Set<ExpertUid> preferred = Set.of(uid("ffn.900.7"), uid("ffn.3.999"), uid("ffn.1000.1"), uid("other.1.1"));

        for (int size : new int[] {10, 1_000}) {
            List<ExpertUid> claimed = cells(ExpertGrid.of("ffn", 1_000, size))
                    .preferring(preferred)
                    .claim(3, TTL)
                    .block(TIMEOUT);

            assertThat(claimed).hasSize(3).contains(uid("ffn.900.7")).doesNotContain(uid("ffn.1000.1"));
            assertThat(claimed.contains(uid("ffn.3.999"))).isEqualTo(size == 1_000);
        }
    }

    @Test
    void claim_ofCellsThatItDeclaredWhenItRanBefore_takesThemAgain() {
        ExpertGrid grid = ExpertGrid.of("ffn", 2);
        directory.declare(List.of(grid.cell(0), grid.cell(1)), TTL).block(TIMEOUT);

        assertThat(cells(grid).claim(2, TTL).block(TIMEOUT)).containsExactly(grid.cell(0), grid.cell(1));
    }
}
