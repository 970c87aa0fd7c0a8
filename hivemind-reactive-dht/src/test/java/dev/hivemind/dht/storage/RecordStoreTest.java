package dev.hivemind.dht.storage;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RecordStoreTest {

    private static final DhtKey KEY = DhtKey.of("key");
    private static final NodeId SELF = NodeId.ofKey(new byte[] {42});

    private final ManualClock clock = new ManualClock();
    private final Lifetimes lifetimes = new Lifetimes(clock, Lifetimes.MAX_TTL);
    private final RecordStore store = new RecordStore(SELF, lifetimes, 10_000, 100L << 20);

    private static ByteString bytes(String text) {
        return ByteString.copyFromUtf8(text);
    }

    private DhtRecord plain(String value, long seconds) {
        return DhtRecord.of(KEY, bytes(value), clock.instant().plusSeconds(seconds));
    }

    private DhtRecord entry(String subkey, String value, long seconds) {
        return DhtRecord.of(KEY, bytes(subkey), bytes(value), clock.instant().plusSeconds(seconds));
    }

    private PlainRecord body(String value, long seconds) {
        return new PlainRecord(bytes(value), clock.instant().plusSeconds(seconds));
    }

    private DictionaryRecord dictionary() {
        return (DictionaryRecord) store.get(KEY.target());
    }

    @Test
    void get_ofAStoredValue_returnsIt() {
        assertThat(store.put(plain("v", 10))).isEqualTo(PutResult.STORED);

        assertThat(store.get(KEY.target())).isEqualTo(body("v", 10));
    }

    @Test
    void get_afterTheExpiry_returnsNothing() {
        store.put(plain("v", 10));

        clock.advance(Duration.ofSeconds(10));

        assertThat(store.get(KEY.target())).isNull();
        assertThat(store.recordCount()).isZero();
        assertThat(store.sizeBytes()).isZero();
    }

    @Test
    void put_ofALaterExpiry_extendsTheLife() {
        store.put(plain("v", 1));
        store.put(plain("v", 200));

        clock.advance(Duration.ofSeconds(100));

        assertThat(store.get(KEY.target())).isNotNull();
        assertThat(store.recordCount()).isEqualTo(1);
    }

    @Test
    void put_ofAnOlderRecord_isStaleAndShortensNoLife() {
        store.put(plain("new", 60));

        assertThat(store.put(plain("old", 1))).isEqualTo(PutResult.STALE);

        clock.advance(Duration.ofSeconds(30));
        assertThat(store.get(KEY.target())).isEqualTo(body("new", 30));
    }

    @Test
    void put_ofTheSameRecordTwice_isStale() {
        store.put(plain("v", 60));

        assertThat(store.put(plain("v", 60))).isEqualTo(PutResult.STALE);
    }

    @Test
    void put_ofAnExpiredRecord_isRefused() {
        assertThat(store.put(plain("v", 0))).isEqualTo(PutResult.EXPIRED);
        assertThat(store.recordCount()).isZero();
    }

    @Test
    void put_ofARecordForEver_isRefused() {
        assertThat(store.put(plain("v", Lifetimes.MAX_TTL.toSeconds() + 4))).isEqualTo(PutResult.TOO_LONG_LIVED);
        assertThat(store.put(DhtRecord.of(KEY, bytes("v"), Instant.MAX))).isEqualTo(PutResult.TOO_LONG_LIVED);
        assertThat(store.recordCount()).isZero();
    }

    @Test
    void put_ofTheLongestLifeByAClockThatIsAhead_isStored() {
        assertThat(store.put(plain("v", Lifetimes.MAX_TTL.toSeconds() + 3))).isEqualTo(PutResult.STORED);
    }

    @Test
    void put_ofSubkeys_keepsEachWithItsOwnLife() {
        store.put(entry("a", "1", 10));
        store.put(entry("b", "2", 20));

        assertThat(dictionary().entries()).hasSize(2);
        assertThat(dictionary().expiresAt()).isEqualTo(clock.instant().plusSeconds(20));
        clock.advance(Duration.ofSeconds(15));
        assertThat(dictionary().entries().keySet()).containsExactly(bytes("b"));
        assertThat(store.recordCount()).isEqualTo(1);
    }

    @Test
    void put_ofAnOlderSubkey_leavesThatSubkeyAlone() {
        store.put(entry("a", "new", 10));
        store.put(entry("b", "other", 5));

        assertThat(store.put(entry("a", "old", 7))).isEqualTo(PutResult.STALE);

        assertThat(dictionary().entries().get(bytes("a"))).isEqualTo(body("new", 10));
    }

    @Test
    void put_ofALaterPlainValue_replacesTheDictionaryAndBack() {
        store.put(entry("a", "1", 10));

        assertThat(store.put(plain("early", 9))).isEqualTo(PutResult.STALE);
        assertThat(store.put(plain("late", 11))).isEqualTo(PutResult.STORED);
        assertThat(store.get(KEY.target())).isEqualTo(body("late", 11));
        assertThat(store.put(entry("a", "2", 10))).isEqualTo(PutResult.STALE);
        assertThat(store.put(entry("a", "3", 12))).isEqualTo(PutResult.STORED);
        assertThat(dictionary().entries()).hasSize(1);
    }

    @Test
    void get_thenPut_leavesTheValueThatWasGivenOutAsItWas() {
        store.put(entry("a", "1", 10));
        DictionaryRecord before = dictionary();

        store.put(entry("b", "2", 10));

        assertThat(before.entries()).hasSize(1);
    }

    @Test
    void put_inAnyOrderAndRepeated_givesTheSameValue() {
        var random = new Random(5);
        List<DhtRecord> records = IntStream.range(0, 60)
                .mapToObj(i -> entry("s" + random.nextInt(8), "v" + random.nextInt(5), 1 + random.nextInt(4)))
                .toList();
        List<DhtValue> outcomes = new ArrayList<>();
        for (int round = 0; round < 30; round++) {
            List<DhtRecord> shuffled = new ArrayList<>(records);
            shuffled.addAll(records.subList(0, random.nextInt(records.size())));
            Collections.shuffle(shuffled, random);
            var replica = new RecordStore(SELF, lifetimes, 1_000, 1L << 20);
            shuffled.forEach(replica::put);
            outcomes.add(replica.get(KEY.target()));
        }

        assertThat(outcomes).allMatch(outcomes.get(0)::equals);
    }

    @Test
    void put_ofEqualExpiries_convergesWhateverTheOrder() {
        store.put(plain("a", 10));
        store.put(plain("b", 10));
        var other = new RecordStore(SELF, lifetimes, 10, 1_000);
        other.put(plain("b", 10));
        other.put(plain("a", 10));

        assertThat(store.get(KEY.target())).isEqualTo(other.get(KEY.target())).isEqualTo(body("b", 10));
    }

    @Test
    void put_ofAnyRefusedRecord_changesNothing() {
        var random = new Random(3);
        var small = new RecordStore(SELF, lifetimes, 12, 4_000);
        List<DhtKey> keys =
                IntStream.range(0, 20).mapToObj(i -> DhtKey.of("k" + i)).toList();
        for (int i = 0; i < 5_000; i++) {
            DhtKey key = keys.get(random.nextInt(keys.size()));
            ByteString subkey = random.nextInt(3) == 0 ? null : bytes("s" + random.nextInt(3));
            var body = new PlainRecord(
                    ByteString.copyFrom(new byte[random.nextInt(600)]),
                    clock.instant().plusSeconds(random.nextInt(30) - 1));
            var before = contents(small, keys);

            PutResult result = small.put(new DhtRecord(key, subkey, body));

            if (result != PutResult.STORED) {
                assertThat(contents(small, keys)).isEqualTo(before);
            }
            assertThat(small.recordCount()).isLessThanOrEqualTo(12);
            assertThat(small.sizeBytes()).isLessThanOrEqualTo(4_000);
            if (i % 50 == 0) {
                clock.advance(Duration.ofSeconds(2));
            }
        }
    }

    private static List<List<DhtValue>> contents(RecordStore store, List<DhtKey> keys) {
        return keys.stream()
                .map(key -> Stream.ofNullable(store.get(key.target())).toList())
                .toList();
    }

    @Test
    void keysAround_anyId_equalsBruteForce() {
        List<DhtKey> keys =
                IntStream.range(0, 500).mapToObj(i -> DhtKey.of("key" + i)).toList();
        keys.forEach(key ->
                store.put(DhtRecord.of(key, ByteString.EMPTY, clock.instant().plusSeconds(60))));

        for (int bits = 0; bits < 10; bits++) {
            NodeId id = NodeId.ofKey(new byte[] {(byte) bits});
            int common = bits;
            assertThat(store.keysAround(id, bits, 40))
                    .isEqualTo(keys.stream()
                            .filter(key -> key.target().commonPrefixLength(id) >= common)
                            .sorted((left, right) -> SELF.compareDistance(left.target(), right.target()))
                            .limit(40)
                            .toList());
        }
    }

    @Test
    void put_toAFullStore_evictsTheFarthestKeyWhateverItsExpiry() {
        var small = new RecordStore(SELF, lifetimes, 3, 1L << 20);
        List<DhtKey> nearestFirst = IntStream.range(0, 5)
                .mapToObj(i -> DhtKey.of("k" + i))
                .sorted(Comparator.comparing(key -> SELF.distance(key.target())))
                .toList();
        for (int i : new int[] {1, 2, 4}) {
            small.put(DhtRecord.of(
                    nearestFirst.get(i), bytes("v"), clock.instant().plusSeconds(10 * i)));
        }

        assertThat(small.put(DhtRecord.of(
                        nearestFirst.get(0), bytes("v"), clock.instant().plusSeconds(1))))
                .isEqualTo(PutResult.STORED);
        assertThat(small.put(DhtRecord.of(
                        nearestFirst.get(3), bytes("v"), clock.instant().plusSeconds(1_000))))
                .isEqualTo(PutResult.FULL);

        assertThat(nearestFirst.stream().map(key -> small.get(key.target()) != null))
                .containsExactly(true, true, true, false, false);
    }

    @Test
    void put_ofMoreSubkeysThanAKeyMayHave_isTooLarge() {
        for (int i = 0; i < DictionaryRecord.MAX_ENTRIES; i++) {
            store.put(entry("s" + i, "", 10));
        }

        assertThat(store.put(entry("one more", "", 10))).isEqualTo(PutResult.TOO_LARGE);
        assertThat(store.recordCount()).isEqualTo(DictionaryRecord.MAX_ENTRIES);
    }

    @Test
    void put_ofMoreBytesThanAKeyMayHave_isTooLarge() {
        String large = "x".repeat(PlainRecord.MAX_VALUE_BYTES);
        List<PutResult> results = IntStream.range(0, 16)
                .mapToObj(i -> store.put(entry("s" + i, large, 10)))
                .toList();

        assertThat(results.get(15)).isEqualTo(PutResult.TOO_LARGE);
        assertThat(dictionary().entries()).hasSize(15);
    }

    @Test
    void putAll_ofEntriesOfTwoKeys_givesTheResultsAndTheValuesOfSinglePuts() {
        var random = new Random(8);
        List<DhtRecord> records = IntStream.range(0, 500)
                .mapToObj(i -> DhtRecord.of(
                        DhtKey.of("k" + random.nextInt(2)),
                        bytes("s" + random.nextInt(40)),
                        bytes("v" + random.nextInt(5)),
                        clock.instant().plusSeconds(random.nextInt(20) - 1)))
                .toList();
        var naive = new RecordStore(SELF, lifetimes, 10_000, 100L << 20);
        List<PutResult> expected = records.stream().map(naive::put).toList();

        List<PutResult> results = new ArrayList<>();
        for (int i = 0; i < records.size(); i += 50) {
            results.addAll(store.putAll(records.subList(i, i + 50)));
        }

        assertThat(results).isEqualTo(expected).contains(PutResult.STORED, PutResult.STALE, PutResult.EXPIRED);
        List<DhtKey> keys = List.of(DhtKey.of("k0"), DhtKey.of("k1"));
        assertThat(contents(store, keys)).isEqualTo(contents(naive, keys));
        assertThat(store.sizeBytes()).isEqualTo(naive.sizeBytes());
    }

    @Test
    void putAll_ofMoreSubkeysThanAKeyMayHave_keepsAsManyAsFit() {
        List<DhtRecord> records = IntStream.range(0, DictionaryRecord.MAX_ENTRIES + 2)
                .mapToObj(i -> entry("s" + i, "", 10))
                .toList();

        List<PutResult> results = store.putAll(records);

        assertThat(results.subList(0, DictionaryRecord.MAX_ENTRIES)).containsOnly(PutResult.STORED);
        assertThat(results.subList(DictionaryRecord.MAX_ENTRIES, results.size()))
                .containsOnly(PutResult.TOO_LARGE);
        assertThat(store.recordCount()).isEqualTo(DictionaryRecord.MAX_ENTRIES);
    }

    @Test
    void putAll_ofEntriesForWhichTheStoreHasNoRoom_changesNothing() {
        var small = new RecordStore(SELF, lifetimes, 2, 1L << 20);

        assertThat(small.putAll(List.of(entry("a", "1", 10), entry("b", "2", 10), entry("c", "3", 10))))
                .containsOnly(PutResult.FULL);

        assertThat(small.recordCount()).isZero();
    }

    @Test
    void putAll_ofEntriesUnderALaterPlainValue_isStale() {
        assertThat(store.putAll(List.of(entry("a", "1", 10), plain("late", 11), entry("b", "2", 10))))
                .containsExactly(PutResult.STALE, PutResult.STORED, PutResult.STALE);

        assertThat(store.get(KEY.target())).isEqualTo(body("late", 11));
    }

    @Test
    void put_ofEmptyKeySubkeyAndValue_areThreeDifferentThings() {
        DhtKey empty = new DhtKey(ByteString.EMPTY);
        store.put(DhtRecord.of(
                empty, ByteString.EMPTY, ByteString.EMPTY, clock.instant().plusSeconds(5)));

        assertThat(((DictionaryRecord) store.get(empty.target())).entries()).containsOnlyKeys(ByteString.EMPTY);
    }
}
