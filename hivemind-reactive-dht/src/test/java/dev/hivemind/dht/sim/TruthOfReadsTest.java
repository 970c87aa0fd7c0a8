package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What reads find while others copy, change and store the same, and what they leave behind. */
class TruthOfReadsTest {

    private static final DhtKey KEY = DhtKey.of("key");

    private final SimSwarm swarm = new SimSwarm(13, node -> node);

    @AfterEach
    void close() {
        swarm.close();
    }

    private static DhtRecord record(DhtNode node) {
        return DhtRecord.of(KEY, ByteString.EMPTY, node.now().plusSeconds(600));
    }

    private static DhtRecord owned(DhtNode owner, String value) {
        return owner.own(
                KEY,
                ByteString.EMPTY,
                ByteString.copyFromUtf8(value),
                owner.now().plusSeconds(3_600));
    }

    @Test
    void get_whileCopiesAreInUseAllTheTime_findsNoOldOneTwoMinutesAfterAChange() {
        swarm.grow(100);
        swarm.await(swarm.node(0).store(owned(swarm.node(0), "v")));
        getFrom(50);
        DhtNode owner = swarm.node(0);
        swarm.await(owner.store(owned(owner, "")));
        for (int i = 0; i < 24; i++) {
            getFrom(20);
            swarm.time().run(Duration.ofSeconds(5));
        }

        for (int i = 0; i < 100; i += 9) {
            var found = (DictionaryRecord) swarm.await(swarm.node(i).get(KEY));
            assertThat(found.entries().values()).allMatch(PlainRecord::isTombstone);
        }
    }

    private void getFrom(int nodes) {
        for (int i = 0; i < nodes; i++) {
            swarm.await(swarm.node(i).get(KEY));
        }
    }

    @Test
    void get_ofMoreEntriesThanOneRequestCarries_findsAllInEveryCopy() {
        swarm.grow(100);
        DhtNode owner = swarm.node(0);
        List<DhtRecord> records = IntStream.range(0, 70)
                .mapToObj(i -> owner.own(
                        KEY,
                        ByteString.copyFromUtf8("s" + i),
                        ByteString.copyFromUtf8("v"),
                        owner.now().plusSeconds(600)))
                .toList();
        swarm.awaitAll(owner.storeAll(records));
        swarm.time().run(Duration.ofSeconds(5));

        for (int i = 0; i < 100; i += 4) {
            assertThat(swarm.await(swarm.node(i).get(KEY)).recordCount()).isEqualTo(70);
            swarm.time().run(Duration.ofSeconds(1));
        }
    }

    @Test
    void get_ofAMissingKey_storesNothingAnywhere() {
        swarm.grow(40);

        assertThat(swarm.await(swarm.node(5).get(KEY))).isNull();
        swarm.time().run(Duration.ofSeconds(5));

        assertThat(swarm.members())
                .allMatch(member -> swarm.await(member.node().snapshot()).records() == 0);
    }

    @Test
    void getLatest_thatMergesWhatOthersKeep_leavesTheOwnStoreAsItWas() {
        swarm.grow(5);
        SimSwarm.Member alone = swarm.members().get(4);
        swarm.await(alone.node().store(entry(alone, "s")));
        swarm.network()
                .cut((from, to) ->
                        from.equals(alone.node().id()) || to.equals(alone.node().id()));
        swarm.await(swarm.node(0).store(entry(swarm.members().get(0), "t")));
        swarm.network().heal();
        swarm.time().run(Duration.ofMillis(300));
        int before = swarm.await(alone.node().snapshot()).records();

        DhtValue found = swarm.await(alone.node().getLatest(KEY));

        assertThat(found.recordCount()).isEqualTo(2);
        assertThat(swarm.await(alone.node().snapshot()).records())
                .isEqualTo(before)
                .isOne();
    }

    private static DhtRecord entry(SimSwarm.Member member, String subkey) {
        return DhtRecord.of(
                KEY,
                ByteString.copyFromUtf8(subkey),
                ByteString.EMPTY,
                member.node().now().plusSeconds(600));
    }

    @Test
    void get_rightAfterThisNodeStored_findsWhatWasMissingAMomentAgo() {
        swarm.grow(40);
        DhtNode client = swarm.joinAsClient().node();
        assertThat(swarm.await(client.get(KEY))).isNull();

        swarm.await(client.store(record(client)));

        assertThat(swarm.await(client.get(KEY))).isNotNull();
    }

    @Test
    void get_afterAStoreThatOvertookASearch_findsWhatTheSearchMissed() {
        swarm.grow(40);
        DhtNode client = swarm.joinAsClient().node();
        var store = client.store(record(client)).toFuture();
        for (int i = 0; i < 200 && !store.isDone(); i++) {
            client.get(KEY).subscribe();
            swarm.time().run(Duration.ofMillis(10));
        }
        assertThat(store).isDone();

        assertThat(swarm.await(client.get(KEY))).isNotNull();
    }
}
