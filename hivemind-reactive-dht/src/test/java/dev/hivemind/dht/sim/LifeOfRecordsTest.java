package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.FoundValue;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;

/** What nodes do for records beyond keeping them, in virtual time. */
class LifeOfRecordsTest {

    private static final DhtKey KEY = DhtKey.of("key");

    private final SimSwarm swarm = new SimSwarm(11, node -> node);

    @AfterEach
    void close() {
        swarm.close();
    }

    private static DhtRecord record(DhtNode node, DhtKey key, String value, Duration ttl) {
        return DhtRecord.of(key, ByteString.copyFromUtf8(value), node.now().plus(ttl));
    }

    private void store(int node, String value, Duration ttl) {
        swarm.await(swarm.node(node).store(record(swarm.node(node), KEY, value, ttl)));
    }

    private static String text(DhtValue value) {
        return ((PlainRecord) value).value().toStringUtf8();
    }

    @Test
    void store_beforeNearerNodesCome_isHandedOffToThem() {
        swarm.grow(30);
        store(0, "v", Duration.ofHours(1));
        swarm.grow(120);
        swarm.time().run(Duration.ofSeconds(30));
        List<SimSwarm.Member> newcomers = swarm.nearest(KEY.target(), 8).stream()
                .filter(member -> swarm.members().indexOf(member) >= 30)
                .toList();

        assertThat(newcomers).isNotEmpty();
        assertThat(newcomers)
                .allMatch(member -> swarm.await(member.node().snapshot()).records() == 1);
    }

    @Test
    void get_twiceAtOnce_asksTheNetworkOnce() {
        swarm.grow(40);
        store(0, "v", Duration.ofHours(1));
        SimSwarm.Member asker = swarm.members().get(33);
        long before = asker.transport().requests(Operation.DHT_FIND);
        swarm.await(asker.node().getLatest(KEY));
        long once = asker.transport().requests(Operation.DHT_FIND) - before;

        List<DhtValue> values = swarm.awaitAll(
                Flux.merge(asker.node().getLatest(KEY), asker.node().getLatest(KEY)));

        assertThat(values).hasSize(2);
        assertThat(asker.transport().requests(Operation.DHT_FIND) - before).isLessThan(2 * once + once);
    }

    @Test
    void get_sharedAndCancelledByOne_servesTheOther() {
        swarm.grow(40);
        store(0, "v", Duration.ofHours(1));
        DhtNode asker = swarm.node(33);
        Disposable first = asker.getLatest(KEY).subscribe();
        var second = asker.getLatest(KEY).toFuture();
        swarm.time().run(Duration.ofMillis(10));

        first.dispose();

        assertThat(swarm.time().runUntil(second::isDone, SimSwarm.LONG)).isTrue();
        assertThat(second.join()).isNotNull();
    }

    @Test
    void get_rightAfterNothingWasFound_asksNobody() {
        swarm.grow(40);
        SimSwarm.Member asker = swarm.members().get(5);
        swarm.await(asker.node().get(KEY));
        long before = asker.transport().requests(Operation.DHT_FIND);

        assertThat(swarm.await(asker.node().get(KEY))).isNull();

        assertThat(asker.transport().requests(Operation.DHT_FIND)).isEqualTo(before);
    }

    @Test
    void get_aMomentAfterNothingWasFound_findsWhatWasStoredSince() {
        swarm.grow(40);
        swarm.await(swarm.node(5).get(KEY));
        store(0, "v", Duration.ofHours(1));
        swarm.time().run(Duration.ofSeconds(2));

        assertThat(swarm.await(swarm.node(5).get(KEY))).isNotNull();
    }

    @Test
    void get_ofAValueThatLivesLongEnough_endsEarlyAndOtherwiseAsksOn() {
        swarm.grow(40);
        store(0, "v", Duration.ofMinutes(10));
        DhtNode asker = swarm.node(21);

        assertThat(swarm.await(asker.get(KEY, asker.now().plusSeconds(60)))).isNotNull();
        assertThat(swarm.await(asker.get(KEY, asker.now().plusSeconds(6_000)))).isNotNull();
    }

    @Test
    void getAll_ofSomeKeys_leavesOutTheMissing() {
        swarm.grow(40);
        List<DhtKey> keys =
                IntStream.range(0, 30).mapToObj(i -> DhtKey.of("k" + i)).toList();
        List<DhtRecord> records = keys.subList(0, 20).stream()
                .map(key -> record(swarm.node(0), key, "v", Duration.ofHours(1)))
                .toList();
        swarm.awaitAll(swarm.node(0).storeAll(records));

        List<FoundValue> found = swarm.awaitAll(swarm.node(9).getAll(keys));

        assertThat(found).extracting(FoundValue::key).containsExactlyInAnyOrderElementsOf(keys.subList(0, 20));
    }

    @Test
    void watch_ofAKey_emitsEveryChangeOnce() {
        swarm.grow(30);
        List<String> seen = new ArrayList<>();
        Disposable watch = swarm.node(7).watch(KEY, Duration.ofSeconds(5)).subscribe(value -> seen.add(text(value)));
        store(0, "a", Duration.ofMinutes(10));
        swarm.time().run(Duration.ofSeconds(30));
        store(1, "b", Duration.ofMinutes(20));
        swarm.time().run(Duration.ofSeconds(30));
        watch.dispose();
        store(2, "c", Duration.ofMinutes(30));
        swarm.time().run(Duration.ofSeconds(30));

        assertThat(seen).containsExactly("a", "b");
    }

    @Test
    void watch_acrossAPartition_goesOnAfterwards() {
        swarm.grow(30);
        List<String> seen = new ArrayList<>();
        Disposable watch = swarm.node(7).watch(KEY, Duration.ofSeconds(5)).subscribe(value -> seen.add(text(value)));
        swarm.network().cut((from, to) -> true);
        swarm.time().run(Duration.ofMinutes(1));
        swarm.network().heal();
        swarm.time().run(Duration.ofMinutes(2));
        store(1, "b", Duration.ofMinutes(20));
        swarm.time().run(Duration.ofSeconds(30));
        watch.dispose();

        assertThat(seen).containsExactly("b");
    }

    @Test
    void watch_withKeepersThatTell_seesAChangeLongBeforeThePeriodIsOver() {
        swarm.grow(30);
        List<String> seen = new ArrayList<>();
        Disposable watch = swarm.node(7).watch(KEY, Duration.ofHours(1)).subscribe(value -> seen.add(text(value)));
        swarm.time().run(Duration.ofSeconds(10));
        store(0, "a", Duration.ofMinutes(10));
        store(1, "b", Duration.ofMinutes(20));
        swarm.time().run(Duration.ofSeconds(1));
        watch.dispose();
        swarm.time().run(Duration.ofSeconds(1));
        long before = swarm.network().messages();
        store(2, "c", Duration.ofMinutes(30));

        assertThat(seen).containsExactly("a", "b");
        assertThat(swarm.network().messages()).isGreaterThan(before);
    }

    @Test
    void find_ofEntriesAtSeveralNodes_growsUntilAllWereAsked() {
        swarm.grow(30);
        for (int i = 0; i < 3; i++) {
            var entry = DhtRecord.of(
                    KEY,
                    ByteString.copyFromUtf8("s" + i),
                    ByteString.EMPTY,
                    swarm.node(i).now().plusSeconds(600 + i));
            swarm.await(swarm.node(i).store(entry));
        }
        List<DhtValue> found = swarm.awaitAll(swarm.node(9).find(KEY));

        assertThat(found).isNotEmpty();
        assertThat(found.get(found.size() - 1).recordCount()).isEqualTo(3);
        assertThat(found.get(found.size() - 1))
                .isEqualTo(swarm.await(swarm.node(9).getLatest(KEY)));
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 120})
    void find_withoutDemandForAWhile_stopsAskingAndLosesNothing(int seconds) {
        swarm.grow(60);
        store(0, "v", Duration.ofMinutes(10));
        List<DhtValue> found = new ArrayList<>();
        boolean[] completed = {false};
        var subscriber = new BaseSubscriber<DhtValue>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {}

            @Override
            protected void hookOnNext(DhtValue value) {
                found.add(value);
            }

            @Override
            protected void hookOnComplete() {
                completed[0] = true;
            }
        };
        SimSwarm.Member asker = swarm.members().stream()
                .filter(member -> swarm.await(member.node().snapshot()).records() == 0)
                .findFirst()
                .orElseThrow();
        long before = asker.transport().requests(Operation.DHT_FIND);
        asker.node().find(KEY).subscribe(subscriber);
        swarm.time().run(Duration.ofSeconds(seconds));
        long asked = asker.transport().requests(Operation.DHT_FIND) - before;
        assertThat(asked).isLessThan(10);

        subscriber.request(10);
        swarm.time().run(Duration.ofSeconds(5));

        assertThat(found).extracting(LifeOfRecordsTest::text).containsExactly("v");
        assertThat(asker.transport().requests(Operation.DHT_FIND) - before).isGreaterThan(asked);
        assertThat(completed[0]).isTrue();
    }

    private DhtRecord owned(int node, Duration ttl) {
        DhtNode owner = swarm.node(node);
        return owner.own(
                KEY, ByteString.EMPTY, ByteString.copyFromUtf8("v"), owner.now().plus(ttl));
    }

    @Test
    void get_ofASignedEntryAgainAndAgain_isAnsweredByCopiesOnTheWay() {
        swarm.grow(300);
        swarm.await(swarm.node(0).store(owned(0, Duration.ofHours(1))));
        swarm.time().run(Duration.ofSeconds(5));
        List<Long> costs = new ArrayList<>();
        for (int round = 0; round < 10; round++) {
            long before = swarm.network().requests(Operation.DHT_FIND);
            for (int i = 0; i < 30; i++) {
                assertThat(swarm.await(swarm.anyone().node().get(KEY)).recordCount())
                        .isOne();
            }
            costs.add(swarm.network().requests(Operation.DHT_FIND) - before);
        }

        assertThat(costs.get(9)).isLessThan(costs.get(0));
    }

    @Test
    void getLatest_afterTheOwnerWithdrewACopiedEntry_findsTheWithdrawal() {
        swarm.grow(100);
        swarm.await(swarm.node(0).store(owned(0, Duration.ofHours(1))));
        for (int i = 0; i < 50; i++) {
            swarm.await(swarm.node(i).get(KEY));
        }
        DhtNode owner = swarm.node(0);
        swarm.await(owner.store(
                owner.own(KEY, ByteString.EMPTY, ByteString.EMPTY, owner.now().plus(Duration.ofHours(1)))));

        for (int i = 0; i < 100; i += 9) {
            var found = (DictionaryRecord) swarm.await(swarm.node(i).getLatest(KEY));
            assertThat(found.entries().values()).allMatch(PlainRecord::isTombstone);
        }
    }

    @Test
    void get_twoMinutesAfterTheEntryChanged_findsNoOldCopy() {
        swarm.grow(100);
        swarm.await(swarm.node(0).store(owned(0, Duration.ofHours(1))));
        for (int i = 0; i < 50; i++) {
            swarm.await(swarm.node(i).get(KEY));
        }
        DhtNode owner = swarm.node(0);
        swarm.await(owner.store(
                owner.own(KEY, ByteString.EMPTY, ByteString.EMPTY, owner.now().plus(Duration.ofHours(1)))));
        swarm.time().run(Duration.ofMinutes(2));

        for (int i = 0; i < 100; i += 9) {
            var found = (DictionaryRecord) swarm.await(swarm.node(i).get(KEY));
            assertThat(found.entries().values()).allMatch(PlainRecord::isTombstone);
        }
    }
}
