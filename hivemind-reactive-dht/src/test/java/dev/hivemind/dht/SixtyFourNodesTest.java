package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.lookup.LookupResult;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.rsocket.PeerNode;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import reactor.core.publisher.Flux;

/** A swarm in which no node can know all others: 64 nodes, k = 4, 3 replicas, over real sockets. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SixtyFourNodesTest {

    private static final int NODES = 64;
    private static final int REPLICAS = 3;
    private static final int RECORDS = 64;
    private static final Duration TIMEOUT = Swarm.TIMEOUT;

    private final Swarm swarm =
            new Swarm(64, node -> node.bucketSize(4).replicas(REPLICAS).softTimeout(Duration.ofSeconds(2)));
    private List<StoreReceipt> receipts = List.of();

    @BeforeAll
    void storeFromEveryNode() {
        swarm.grow(NODES);
        receipts = Flux.range(0, RECORDS)
                .flatMap(i -> swarm.get(i % NODES).store(record(i)), 8)
                .collectList()
                .block(TIMEOUT);
    }

    @AfterAll
    void close() {
        swarm.close();
    }

    private static DhtKey key(int index) {
        return DhtKey.of("record-" + index);
    }

    private DhtRecord record(int index) {
        return DhtRecord.of(
                key(index),
                ByteString.copyFromUtf8("value-" + index),
                swarm.get(0).now().plusSeconds(600));
    }

    private static String text(DhtValue value) {
        return ((PlainRecord) value).value().toStringUtf8();
    }

    @Test
    void store_fromAnyNode_makesThreeReplicas() {
        assertThat(receipts).hasSize(RECORDS).allMatch(receipt -> receipt.stored() == REPLICAS);
    }

    @Test
    void get_fromAThirdNode_findsEveryRecord() {
        List<String> found = Flux.range(0, RECORDS)
                .flatMapSequential(i -> swarm.get((i + 31) % NODES).get(key(i)), 8)
                .map(SixtyFourNodesTest::text)
                .collectList()
                .block(TIMEOUT);

        assertThat(found)
                .isEqualTo(
                        IntStream.range(0, RECORDS).mapToObj(i -> "value-" + i).toList());
    }

    @Test
    void get_fromAClientOnlyNode_findsEveryRecord() {
        PeerNode peer = swarm.diallingPeer();
        DhtNode client = swarm.node(peer).initialPeers(swarm.get(7).addresses()).build();
        client.start().block(TIMEOUT);

        Long found = Flux.range(0, RECORDS)
                .flatMap(i -> client.get(key(i)), 8)
                .count()
                .block(TIMEOUT);

        assertThat(found).isEqualTo(RECORDS);
        client.close().block(TIMEOUT);
    }

    @Test
    void findNearest_ofManyKeys_takesTwoHopsAndMore() {
        List<LookupResult> results = Flux.range(0, RECORDS)
                .flatMap(i -> swarm.get((i + 17) % NODES).findNearest(key(i).target()), 8)
                .collectList()
                .block(TIMEOUT);

        double meanHops = results.stream()
                .mapToInt(result -> result.stats().hops())
                .average()
                .orElseThrow();
        assertThat(meanHops).isBetween(2.0, 5.0);
        assertThat(results).allMatch(result -> result.closest().size() == 4);
    }

    @Test
    void findNearest_ofManyKeys_findsTheTrulyNearest() {
        List<NodeId> all =
                swarm.nodes().stream().map(node -> NodeId.of(node.id())).toList();
        long right = Flux.range(0, RECORDS)
                .flatMap(
                        i -> {
                            DhtNode asker = swarm.get((i + 5) % NODES);
                            NodeId target = key(i).target();
                            NodeId nearest = all.stream()
                                    .filter(id -> !id.equals(NodeId.of(asker.id())))
                                    .min(target::compareDistance)
                                    .orElseThrow();
                            return asker.findNearest(target)
                                    .filter(result ->
                                            result.closest().get(0).id().equals(nearest));
                        },
                        8)
                .count()
                .block(TIMEOUT);

        assertThat(right / (double) RECORDS).isGreaterThanOrEqualTo(0.9);
    }

    @Test
    void snapshot_ofAllNodes_showsNoneWithOverAQuarterOfTheRecords() {
        List<DhtSnapshot> snapshots = Flux.fromIterable(swarm.nodes())
                .concatMap(DhtNode::snapshot)
                .collectList()
                .block(TIMEOUT);

        int held = snapshots.stream().mapToInt(DhtSnapshot::records).sum();
        assertThat(held).isGreaterThanOrEqualTo(RECORDS * REPLICAS);
        assertThat(snapshots).allMatch(snapshot -> snapshot.records() <= RECORDS / 4);
        assertThat(snapshots).allMatch(snapshot -> snapshot.contacts() < NODES - 1);
    }
}
