package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.expert.ExpertDirectory;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Many write and read while some leave. */
class ChurnTest {

    private static final int NODES = 40;
    private static final int ROUNDS = 32;
    private static final int WRITERS = 8;
    private static final int READERS = 8;
    private static final Duration TTL = Duration.ofMinutes(5);

    private final SimSwarm swarm = new SimSwarm(37, node -> node);

    private Set<Member> some(int count) {
        Set<Member> some = new HashSet<>();
        while (some.size() < count) {
            some.add(swarm.anyone());
        }
        return some;
    }

    /** Each stores an entry of its own, at the same time; what was stored. */
    private Map<ByteString, ByteString> write(DhtKey key) {
        Map<DhtRecord, CompletableFuture<StoreReceipt>> stores = new HashMap<>();
        for (Member writer : some(WRITERS)) {
            ByteString random =
                    ByteString.copyFromUtf8(String.valueOf(swarm.random().nextLong()));
            var record = DhtRecord.of(key, random, random, writer.node().now().plus(TTL));
            stores.put(record, writer.node().store(record).toFuture());
        }
        Map<ByteString, ByteString> stored = new HashMap<>();
        stores.forEach((record, receipt) -> {
            swarm.time().runUntil(receipt::isDone, SimSwarm.LONG);
            if (receipt.join().isStored()) {
                stored.put(record.subkey(), record.body().value());
            }
        });
        return stored;
    }

    private Stream<Map<ByteString, ByteString>> read(DhtKey key) {
        List<CompletableFuture<DhtValue>> reads = some(READERS).stream()
                .map(reader -> reader.node().getLatest(key).toFuture())
                .toList();
        reads.forEach(read -> swarm.time().runUntil(read::isDone, SimSwarm.LONG));
        return reads.stream().map(read -> values((DictionaryRecord) read.join()));
    }

    private static Map<ByteString, ByteString> values(DictionaryRecord found) {
        Map<ByteString, ByteString> values = new HashMap<>();
        found.entries().forEach((subkey, record) -> values.put(subkey, record.value()));
        return values;
    }

    @Test
    void getLatest_byEightReadersWhileATenthDies_findsAllThatEightWritersStored() {
        swarm.grow(NODES);
        Set<Integer> deaths = new HashSet<>();
        while (deaths.size() < NODES / 10) {
            deaths.add(swarm.random().nextInt(ROUNDS));
        }

        for (int round = 0; round < ROUNDS; round++) {
            DhtKey key = DhtKey.of("round " + round);
            Map<ByteString, ByteString> stored = write(key);
            if (deaths.contains(round)) {
                swarm.anyone().transport().kill();
            }
            assertThat(stored).hasSize(WRITERS);
            assertThat(read(key)).hasSize(READERS).allMatch(stored::equals);
        }
        assertThat(swarm.members())
                .filteredOn(member -> member.transport().isDead())
                .hasSize(NODES / 10);
        swarm.close();
    }

    @Test
    void findAll_ofFiftyExpertsAfterOthersLeft_findsEach() {
        swarm.grow(10);
        List<ExpertUid> uids = IntStream.range(0, 50)
                .mapToObj(i -> new ExpertUid("expert." + i))
                .toList();
        var directory = new ExpertDirectory(swarm.node(9));
        swarm.await(new ExpertDirectory(swarm.node(1)).declare(uids, TTL));

        for (int leaving : new int[] {3, 4}) {
            swarm.await(swarm.node(leaving).close());
            swarm.members().get(leaving).transport().kill();
        }

        assertThat(swarm.await(directory.findAll(uids))).containsOnlyKeys(uids);
        assertThat(swarm.awaitAll(directory.find(new ExpertUid("expert.50")))).isEmpty();
        swarm.close();
    }
}
