package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How many keep what is stored, and what may be stored. */
class StoresTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 20})
    void store_withSoManyReplicas_makesJustAsManyCopies(int replicas) {
        var swarm = new SimSwarm(19, node -> node.replicas(replicas)).grow(21);
        swarm.time().run(Duration.ofSeconds(30));
        var record = DhtRecord.of(
                DhtKey.of("key"), ByteString.EMPTY, swarm.node(0).now().plusSeconds(600));

        swarm.await(swarm.node(0).store(record));
        swarm.time().run(Duration.ofSeconds(5));

        assertThat(swarm.members().stream()
                        .mapToInt(
                                member -> swarm.await(member.node().snapshot()).records()))
                .hasSize(21)
                .allMatch(count -> count <= 1)
                .filteredOn(count -> count == 1)
                .hasSize(replicas);
        swarm.close();
    }

    @Test
    void store_withDeadPeersAmongTheNearest_dropsJustThoseFromTheTable() {
        var swarm = new SimSwarm(29, node -> node.replicas(4)).grow(12);
        swarm.time().run(Duration.ofSeconds(30));
        DhtKey key = DhtKey.of("key");
        List<Member> nearest = swarm.nearest(key.target(), 4);
        Member writer = swarm.nearest(key.target(), 12).get(11);
        assertThat(swarm.await(writer.node().snapshot()).contacts()).isEqualTo(11);
        nearest.subList(1, 3).forEach(member -> member.transport().kill());

        StoreReceipt receipt = swarm.await(writer.node()
                .store(DhtRecord.of(key, ByteString.EMPTY, writer.node().now().plusSeconds(600))));
        swarm.time().run(Duration.ofSeconds(8));

        assertThat(receipt.stored()).isGreaterThanOrEqualTo(3);
        assertThat(swarm.nearest(key.target(), 4))
                .allMatch(member -> swarm.await(member.node().snapshot()).records() == 1);
        assertThat(swarm.await(writer.node().snapshot()).contacts()).isEqualTo(9);
        swarm.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {60, 80})
    void store_rightAfterMostNodesDied_isKeptByTheNearestAlive(int percent) {
        var swarm = new SimSwarm(41, node -> node).grow(300);
        swarm.time().run(Duration.ofSeconds(30));
        swarm.kill(percent / 100.0);
        int before = copies(swarm);
        for (int i = 0; i < 20; i++) {
            Member writer = swarm.anyone();
            var record = DhtRecord.of(
                    DhtKey.of("key" + i), ByteString.EMPTY, writer.node().now().plusSeconds(600));
            swarm.await(writer.node().store(record));
        }
        swarm.time().run(Duration.ofSeconds(8));

        assertThat(copies(swarm) - before).isGreaterThan(20 * 6);
        swarm.close();
    }

    private static int copies(SimSwarm swarm) {
        return swarm.members().stream()
                .mapToInt(member -> swarm.await(member.node().snapshot()).records())
                .sum();
    }

    /** Hardly anybody is taken for slow because the link is. */
    @ParameterizedTest
    @ValueSource(ints = {40, 130, 200})
    void store_overALongLink_makesHardlyMoreCopiesThanAreWanted(int millis) {
        var swarm = new SimSwarm(39, node -> node.replicas(5)).grow(100);
        swarm.time().run(Duration.ofSeconds(30));
        swarm.network().link(new SimLink(Duration.ofMillis(millis), 0.2, 0, 0));
        int before = copies(swarm);
        for (int i = 0; i < 20; i++) {
            Member writer = swarm.anyone();
            swarm.await(writer.node()
                    .store(DhtRecord.of(
                            DhtKey.of("key" + i),
                            ByteString.EMPTY,
                            writer.node().now().plusSeconds(600))));
        }
        swarm.time().run(Duration.ofSeconds(8));

        assertThat(copies(swarm) - before).isBetween(20 * 5, 20 * 6);
        swarm.close();
    }

    @Test
    void store_withBucketsOfOneAndOneReplica_isKept() {
        var swarm = new SimSwarm(31, node -> node.bucketSize(1).replicas(1)).grow(3);
        var record = DhtRecord.of(
                DhtKey.of("key"), ByteString.EMPTY, swarm.node(1).now().plusSeconds(600));

        assertThat(swarm.await(swarm.node(1).store(record)).stored()).isEqualTo(1);
        swarm.close();
    }

    @Test
    void storeAll_ofNothing_andGetAllOfNothing_complete() {
        var swarm = new SimSwarm(31, node -> node).grow(3);

        assertThat(swarm.awaitAll(swarm.node(1).storeAll(List.of()))).isEmpty();
        assertThat(swarm.awaitAll(swarm.node(1).getAll(List.of()))).isEmpty();
        swarm.close();
    }

    @Test
    void getLatest_ofEmptyKeysSubkeysAndValues_findsThemFromAnotherNode() {
        var swarm = new SimSwarm(23, node -> node).grow(10);
        for (DhtRecord record : emptyOnes(swarm)) {
            swarm.await(swarm.node(1).store(record));

            assertThat(bodyOf(swarm.await(swarm.node(7).getLatest(record.key())), record))
                    .isEqualTo(record.body());
        }
        swarm.close();
    }

    /** Each later than the one before, which it replaces if both cannot be. */
    private static List<DhtRecord> emptyOnes(SimSwarm swarm) {
        List<DhtRecord> records = new ArrayList<>();
        for (String key : List.of("", "k")) {
            for (String value : List.of("", "v")) {
                var expiry = swarm.node(1).now().plusSeconds(60 + 10 * records.size());
                ByteString bytes = ByteString.copyFromUtf8(value);
                records.add(DhtRecord.of(DhtKey.of(key), bytes, expiry));
                records.add(DhtRecord.of(DhtKey.of(key), ByteString.EMPTY, bytes, expiry.plusSeconds(1)));
                records.add(DhtRecord.of(DhtKey.of(key), ByteString.copyFromUtf8("s"), bytes, expiry.plusSeconds(2)));
            }
        }
        return records;
    }

    private static PlainRecord bodyOf(DhtValue value, DhtRecord record) {
        return record.subkey() == null
                ? (PlainRecord) value
                : ((DictionaryRecord) value).entries().get(record.subkey());
    }
}
