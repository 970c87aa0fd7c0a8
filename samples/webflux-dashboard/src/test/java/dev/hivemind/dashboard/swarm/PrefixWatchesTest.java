package dev.hivemind.dashboard.swarm;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dht.expert.DirectoryChange;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.testkit.ManualClock;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;

class PrefixWatchesTest {

    private static final PeerId PEER = PeerId.fromBytes(new byte[PeerId.BYTES]);
    private static final ExpertStatus STATUS = new ExpertStatus(ExpertStatus.State.ONLINE, 0, true, ByteString.EMPTY);

    private final Set<ExpertPrefix> watched = new HashSet<>();
    private final SwarmHistory history = new SwarmHistory(PEER, new ManualClock());
    private final PrefixWatches watches = new PrefixWatches(this::watch, history, Schedulers.immediate());

    /** Every grid has 1,000 lines. */
    private Flux<DirectoryChange> watch(ExpertPrefix prefix) {
        Flux<DirectoryChange> lines =
                prefix.value().indexOf('.') == prefix.value().length() - 1
                        ? Flux.range(0, 1_000).map(line -> joined(prefix, line))
                        : Flux.empty();
        return lines.concatWith(Flux.never())
                .doOnSubscribe(subscription -> watched.add(prefix))
                .doOnCancel(() -> watched.remove(prefix));
    }

    private static DirectoryChange joined(ExpertPrefix prefix, int line) {
        var uid = new ExpertUid(prefix.value() + line + ".0");
        return new DirectoryChange(
                DirectoryChange.Kind.JOINED,
                line,
                new ExpertDescriptor(uid, PEER, List.of(new PeerAddress("127.0.0.1", 1)), STATUS));
    }

    private static List<ExpertPrefix> prefixes(String... names) {
        return List.of(names).stream().map(ExpertPrefix::new).toList();
    }

    @Test
    void watchOnly_gridsNoLongerWanted_givesThemUpWithAllTheirLines() {
        watches.watchOnly(prefixes("ffn.", "old."));

        watches.watchOnly(prefixes("ffn."));

        assertThat(watched).contains(new ExpertPrefix("ffn."), new ExpertPrefix("ffn.7."));
        assertThat(watched).allMatch(prefix -> prefix.value().startsWith("ffn."));
    }

    @Test
    void watchOnly_manyLargeGrids_leavesRoomForAllOfThem() {
        watches.watchOnly(prefixes("a.", "b.", "c."));
        watches.watchOnly(prefixes("a.", "b.", "c.", "d."));

        assertThat(watched).contains(prefixes("a.", "b.", "c.", "d.").toArray(ExpertPrefix[]::new));
        assertThat(watched).hasSizeLessThanOrEqualTo(PrefixWatches.MAX_WATCHES);
    }

    @Test
    void watchOnly_moreGridsThanAreWatched_watchesTheFirst() {
        watches.watchOnly(IntStream.range(0, 300)
                .mapToObj(grid -> new ExpertPrefix("g" + grid + "."))
                .toList());

        assertThat(watched).contains(new ExpertPrefix("g0.")).hasSize(PrefixWatches.MAX_WATCHES);
    }

    @Test
    void dispose_givesUpAll() {
        watches.watchOnly(prefixes("ffn."));

        watches.dispose();
        watches.watchOnly(prefixes("ffn."));

        assertThat(watched).isEmpty();
    }
}
