package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.ConnectionPoolTest.OpenSocket;
import dev.hivemind.rsocket.ConnectionPoolTest.OpenWindow;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LiveConnectionsTest {

    private final PeerIdentity peer = PeerIdentity.fromSeed(new byte[32]);
    private final LiveConnections live = new LiveConnections();

    @Test
    void removeEldest_ofUntouched_takesTheFirst() {
        PooledConnection first = add(peer, 0);
        add(peer, 1);

        assertThat(live.removeEldest(2)).isSameAs(first.connection());
    }

    @Test
    void removeEldest_whoseEldestWasUsed_takesTheNext() {
        PooledConnection used = add(peer, 0);
        PooledConnection unused = add(peer, 1);
        use(used);

        assertThat(live.removeEldest(2)).isSameAs(unused.connection());
    }

    @Test
    void removeEldest_allOfWhichAreBusy_takesTheEldest() {
        PooledConnection first = add(peer, 0);
        PooledConnection second = add(peer, 1);
        first.connection().activity().begin();
        second.connection().activity().begin();

        assertThat(live.removeEldest(2)).isSameAs(first.connection());
    }

    @Test
    void removeEldest_ofThoseThatWereAskedSinceTheLastRefresh_asksThemNoMore() {
        PooledConnection first = add(peer, 0);
        PooledConnection second = add(peer, 1);
        use(first);
        use(second);
        live.removeEldest(2);
        use(second);

        assertThat(live.removeEldest(3)).isSameAs(second.connection());

        assertThat(second.takeUsed()).as("not asked since").isTrue();
    }

    @Test
    void removeEldest_afterARefresh_asksAgain() {
        PooledConnection first = add(peer, 0);
        PooledConnection second = add(peer, 1);
        PooledConnection third = add(peer, 2);
        List.of(first, second, third).forEach(LiveConnectionsTest::use);
        live.removeEldest(3);
        live.refresh(4);
        use(second);

        assertThat(live.removeEldest(5)).isSameAs(third.connection());
    }

    @Test
    void preferred_ofSeveralOfOnePeer_isTheMostRecentlyActive() {
        PooledConnection first = add(peer, 0);
        add(peer, 1);

        live.touch(first, 2);

        assertThat(live.preferred(peer.id())).isSameAs(first);
    }

    @Test
    void preferred_ofSeveralThatCameAtOnce_isTheLast() {
        add(peer, 0);
        PooledConnection last = add(peer, 0);

        assertThat(live.preferred(peer.id())).isSameAs(last);
    }

    @Test
    void preferred_afterItsRemoval_isAnotherOfThePeer() {
        PooledConnection other = add(peer, 0);
        PooledConnection removed = add(peer, 1);

        live.remove(removed.connection());

        assertThat(live.preferred(peer.id())).isSameAs(other);
    }

    @Test
    void preferred_whoseOnlyConnectionIsRetired_isNone() {
        add(peer, 0).retire(1);

        assertThat(live.preferred(peer.id())).isNull();
    }

    @Test
    void preferred_whoseOnlyConnectionIsClosed_isNone() {
        add(peer, 0).connection().dispose();

        assertThat(live.preferred(peer.id())).isNull();
    }

    /** Which one goes is compared with a search through all of them. */
    @Test
    void removeEldest_afterTouchesByChance_takesTheLeastRecentlyActive() {
        var random = new SplittableRandom(7);
        var naive = new ArrayList<Active>();
        for (int now = 0; now < 50; now++) {
            naive.add(new Active(add(PeerIdentity.generate(), now), now));
        }
        for (int now = 50; now < 500; now++) {
            int chosen = random.nextInt(naive.size());
            PooledConnection pooled = naive.get(chosen).pooled();
            live.touch(pooled, now);
            naive.set(chosen, new Active(pooled, now));
        }
        naive.sort(Comparator.comparingInt(Active::sinceMillis));

        List<PeerConnection> removed = IntStream.range(0, naive.size())
                .mapToObj(i -> live.removeEldest(500))
                .toList();

        assertThat(removed)
                .containsExactlyElementsOf(naive.stream()
                        .map(active -> active.pooled().connection())
                        .toList());
    }

    private record Active(PooledConnection pooled, int sinceMillis) {}

    private PooledConnection add(PeerIdentity of, long nowMillis) {
        var link =
                new Link(new OpenSocket(), new OpenWindow(), new LinkActivity(true, () -> false), CallMeters.of(null));
        var pooled =
                new PooledConnection(new PeerConnection(Hello.of(of, List.of()), link, TestCalls.none()), nowMillis);
        live.add(pooled);
        return pooled;
    }

    private static void use(PooledConnection pooled) {
        pooled.connection().activity().begin();
        pooled.connection().activity().end();
    }
}
