package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.FoundValue;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What travels for a batch: 32 keys, 5 replicas, 128 nodes, as the benchmark does it over sockets. */
class BatchesOnTheWayTest {

    private static final int KEYS = 32;
    private static final int REPLICAS = 5;

    private final SimSwarm swarm = new SimSwarm(3, node -> node.replicas(REPLICAS));
    private final List<DhtKey> keys =
            IntStream.range(0, KEYS).mapToObj(i -> DhtKey.of("key" + i)).toList();

    @BeforeEach
    void grow() {
        swarm.grow(128);
        swarm.time().run(Duration.ofSeconds(30));
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    private List<StoreReceipt> storeAll(Member member) {
        return swarm.awaitAll(member.node()
                .storeAll(keys.stream()
                        .map(key -> DhtRecord.of(
                                key, ByteString.EMPTY, member.node().now().plusSeconds(3_600)))
                        .toList()));
    }

    @Test
    void storeAll_ofABatch_takesAFewRequestsForEachKey() {
        Member member = swarm.members().get(7);
        long finds = member.transport().requests(Operation.DHT_FIND);
        long stores = member.transport().requests(Operation.DHT_STORE);

        List<StoreReceipt> receipts = storeAll(member);
        swarm.time().run(Duration.ofSeconds(2));

        assertThat(receipts).hasSize(KEYS).allMatch(receipt -> receipt.stored() >= 4);
        assertThat(member.transport().requests(Operation.DHT_FIND) - finds).isLessThan(2 * KEYS);
        assertThat(member.transport().requests(Operation.DHT_STORE) - stores).isLessThan(7 * KEYS / 2);
    }

    @Test
    void storeAll_afterItAcknowledged_makesAllCopiesAtTheNearest() {
        storeAll(swarm.members().get(7));
        swarm.time().run(Duration.ofSeconds(2));

        assertThat(copies()).isEqualTo(KEYS * REPLICAS);
        for (DhtKey key : keys) {
            assertThat(swarm.nearest(key.target(), REPLICAS))
                    .allMatch(member -> swarm.await(member.node().snapshot()).records() > 0);
        }
    }

    @Test
    void close_whileCopiesAreStillBeingMade_leavesNothingUnderWay() {
        storeAll(swarm.members().get(7));
        swarm.members().forEach(member -> swarm.await(member.node().close()));
        int before = swarm.network().inFlight();
        swarm.time().run(Duration.ofSeconds(10));

        assertThat(before).isZero();
        assertThat(swarm.network().inFlight()).isZero();
    }

    private int copies() {
        return swarm.members().stream()
                .filter(member -> !member.node().isClientOnly())
                .mapToInt(member -> swarm.await(member.node().snapshot()).records())
                .sum();
    }

    /** A client that is told of a store after the first copy. */
    private Member hastyClient() {
        SimTransport transport = swarm.network().dialling(swarm.network().identity());
        DhtNode node = swarm.describe(transport, Duration.ZERO)
                .acknowledgements(1)
                .initialPeers(swarm.node(0).addresses())
                .build();
        Member client = swarm.member(node, transport);
        swarm.await(node.start());
        return client;
    }

    @Test
    void close_whileCopiesAreStillBeingMade_waitsForThem() {
        Member client = hastyClient();
        storeAll(client);
        assertThat(copies()).isLessThan(KEYS * REPLICAS);

        swarm.await(client.node().close());

        assertThat(copies()).isEqualTo(KEYS * REPLICAS);
    }

    @Test
    void close_whileCopiesAreMadeAtPeersThatNeverAnswer_takesNoLongerThanACall() {
        Member client = hastyClient();
        storeAll(client);
        List<Member> others =
                swarm.members().stream().filter(member -> member != client).toList();
        others.forEach(member -> member.transport().kill());
        Duration before = swarm.time().elapsed();

        swarm.await(client.node().close());

        assertThat(swarm.time().elapsed().minus(before)).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(3));
    }

    @Test
    void storeAll_givenUpWithTheLastReceipt_makesAllCopiesAllTheSame() {
        Member client = hastyClient();
        List<DhtRecord> records = keys.stream()
                .map(key ->
                        DhtRecord.of(key, ByteString.EMPTY, client.node().now().plusSeconds(3_600)))
                .toList();

        swarm.awaitAll(client.node().storeAll(records).take(KEYS));
        assertThat(copies()).isLessThan(KEYS * REPLICAS);
        swarm.time().run(Duration.ofSeconds(2));

        assertThat(copies()).isEqualTo(KEYS * REPLICAS);
    }

    @Test
    void getAll_ofABatch_takesAboutTwoRequestsForEachKey() {
        storeAll(swarm.members().get(7));
        Member reader = swarm.members().get(60);
        long finds = reader.transport().requests(Operation.DHT_FIND);

        List<FoundValue> found =
                swarm.awaitAll(reader.node().getAll(keys, reader.node().now()));

        assertThat(found).extracting(FoundValue::key).containsExactlyInAnyOrderElementsOf(keys);
        assertThat(reader.transport().requests(Operation.DHT_FIND) - finds).isLessThan(9 * KEYS / 4);
    }

    @Test
    void getAll_cancelledHalfWay_leavesNothingUnderWay() {
        storeAll(swarm.members().get(7));
        swarm.time().run(Duration.ofSeconds(5));
        Member reader = swarm.members().get(60);
        var get = reader.node().getAll(keys).subscribe();
        swarm.time().run(Duration.ofMillis(150));

        get.dispose();
        long finds = reader.transport().requests(Operation.DHT_FIND);
        swarm.time().run(Duration.ofSeconds(5));

        assertThat(finds).isPositive();
        assertThat(reader.transport().requests(Operation.DHT_FIND)).isEqualTo(finds);
    }
}
