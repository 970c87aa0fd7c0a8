package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The simulated network itself, with real nodes on it. */
class SimNetworkTest {

    private static final DhtKey KEY = DhtKey.of("key");

    private static SimSwarm swarm(long seed) {
        return new SimSwarm(seed, node -> node);
    }

    private static DhtRecord record(DhtNode node) {
        return DhtRecord.of(KEY, ByteString.copyFromUtf8("v"), node.now().plusSeconds(600));
    }

    private static long story(long seed) {
        SimSwarm swarm = swarm(seed);
        swarm.grow(60);
        swarm.network().link(SimLink.INTERNET.with(0.02, 0.02));
        swarm.await(swarm.node(3).store(record(swarm.node(3))));
        swarm.kill(0.2);
        swarm.await(swarm.anyone().node().get(KEY));
        swarm.close();
        return swarm.network().eventLogHash();
    }

    @Test
    void eventLogHash_ofTheSameSeed_isTheSame() {
        assertThat(story(7)).isEqualTo(story(7));
    }

    @Test
    void eventLogHash_ofAnotherSeed_isAnother() {
        assertThat(story(7)).isNotEqualTo(story(8));
    }

    @Test
    void get_onALossyNetwork_findsWhatWasStored() {
        SimSwarm swarm = swarm(1).grow(40);
        swarm.network().link(SimLink.INTERNET.with(0.1, 0.1));
        swarm.await(swarm.node(0).store(record(swarm.node(0))));

        assertThat(swarm.await(swarm.node(30).get(KEY))).isNotNull();
        swarm.close();
    }

    @Test
    void get_acrossAPartition_isEmptyUntilItHeals() {
        SimSwarm swarm = swarm(2).grow(30);
        List<Member> left = new ArrayList<>(swarm.members().subList(0, 15));
        var leftIds = left.stream().map(member -> member.node().id()).toList();
        swarm.network().cut((from, to) -> leftIds.contains(from) != leftIds.contains(to));
        swarm.await(swarm.node(0).store(record(swarm.node(0))));

        assertThat(swarm.await(swarm.node(20).get(KEY))).isNull();
        assertThat(swarm.await(swarm.node(1).get(KEY))).isNotNull();
        swarm.close();
    }

    @Test
    void get_amongSlowNodes_endsBeforeTheyAnswer() {
        SimSwarm swarm = swarm(3).grow(40);
        swarm.await(swarm.node(0).store(record(swarm.node(0))));
        for (int i = 0; i < 10; i++) {
            swarm.members().get(4 * i).transport().slow(Duration.ofSeconds(1));
        }
        Duration before = swarm.time().elapsed();

        assertThat(swarm.await(swarm.node(21).get(KEY))).isNotNull();
        assertThat(swarm.time().elapsed().minus(before)).isLessThan(Duration.ofSeconds(2));
        swarm.close();
    }

    @Test
    void get_whenCancelled_leavesNothingUnderWay() {
        SimSwarm swarm = swarm(4).grow(40);
        swarm.time().run(Duration.ofSeconds(10));
        var running = swarm.node(9).getLatest(DhtKey.of("absent")).subscribe();
        swarm.time().runUntil(() -> swarm.network().inFlight() >= 3, SimSwarm.LONG);
        assertThat(swarm.network().inFlight()).isEqualTo(3);
        SimTransport asker = swarm.members().get(9).transport();
        long requests = asker.requests(Operation.DHT_FIND);

        running.dispose();
        assertThat(swarm.network().inFlight()).isZero();
        swarm.time().run(Duration.ofMillis(500));

        assertThat(asker.requests(Operation.DHT_FIND)).isEqualTo(requests);
        swarm.close();
    }

    @Test
    void clock_ofASkewedNode_differsByItsSkew() {
        SimSwarm swarm = swarm(5);
        var transport = swarm.network().listening(swarm.network().identity());

        DhtNode late = swarm.describe(transport, Duration.ofSeconds(-2)).build();

        assertThat(late.now()).isEqualTo(SimScheduler.START.minusSeconds(2));
        swarm.await(late.close());
    }
}
