package dev.hivemind.dht.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who may write what belongs to somebody. */
class OwnershipTest {

    private static final DhtKey KEY = DhtKey.of("key");
    private static final ByteString NAME = ByteString.copyFromUtf8("name");

    private final ManualClock clock = new ManualClock();
    private final PeerIdentity alice = identity(1);
    private final PeerIdentity mallory = identity(2);
    private final Authenticity authenticity = new Authenticity(RecordValidator.ANY);
    private final RecordStore store =
            new RecordStore(NodeId.ZERO, new Lifetimes(clock, Duration.ofHours(1)), 1_000, 1 << 20);

    private final RecordStore roomy =
            new RecordStore(NodeId.ZERO, new Lifetimes(clock, Duration.ofHours(1)), 10_000, 1 << 22);

    private static PeerIdentity identity(int seed) {
        byte[] bytes = new byte[32];
        Arrays.fill(bytes, (byte) seed);
        return PeerIdentity.fromSeed(bytes);
    }

    private PlainRecord body(String value, long seconds) {
        return new PlainRecord(ByteString.copyFromUtf8(value), clock.instant().plusSeconds(seconds));
    }

    private DhtRecord owned(PeerIdentity owner, String value, long seconds, long sequence) {
        return DhtRecord.owned(owner, KEY, NAME, body(value, seconds), sequence);
    }

    private PutResult refusal(DhtRecord record) {
        return authenticity.refusal(record.place(), record.body());
    }

    @Test
    void refusal_ofWhatTheOwnerSigned_isNone() {
        assertThat(refusal(owned(alice, "v", 60, 1))).isNull();
        assertThat(refusal(owned(alice, "v", 60, 1))).isNull();
    }

    @Test
    void refusal_ofAChangedPart_isUnauthentic() {
        DhtRecord record = owned(alice, "v", 60, 1);
        Ownership owned = record.body().owned();
        var otherValue = new PlainRecord(ByteString.copyFromUtf8("w"), record.expiresAt(), owned);
        var otherExpiry =
                new PlainRecord(record.body().value(), record.expiresAt().plusSeconds(1), owned);
        var otherSequence = new PlainRecord(
                record.body().value(),
                record.expiresAt(),
                new Ownership(owned.ownerKey(), owned.sequence() + 1, owned.signature()));

        for (PlainRecord changed : List.of(otherValue, otherExpiry, otherSequence)) {
            assertThat(authenticity.refusal(record.place(), changed)).isEqualTo(PutResult.UNAUTHENTIC);
        }
    }

    @Test
    void refusal_ofARecordInAnotherPlace_isUnauthentic() {
        DhtRecord record = owned(alice, "v", 60, 1);

        for (DhtRecord moved : List.of(
                new DhtRecord(DhtKey.of("other"), record.subkey(), record.body()),
                new DhtRecord(KEY, owned(mallory, "v", 60, 1).subkey(), record.body()),
                new DhtRecord(KEY, ByteString.copyFromUtf8("x").concat(record.subkey()), record.body()),
                new DhtRecord(KEY, null, record.body()))) {
            assertThat(refusal(moved)).isEqualTo(PutResult.UNAUTHENTIC);
        }
    }

    @Test
    void refusal_ofWhatAValidatorRefuses_isInvalid() {
        var picky = new Authenticity((place, body) -> body.value().size() < 3);
        DhtRecord record = owned(alice, "long", 60, 1);

        assertThat(picky.refusal(record.place(), record.body())).isEqualTo(PutResult.INVALID);
    }

    @Test
    void welcome_ofADictionaryWithAForgery_leavesItOut() {
        DhtRecord right = owned(alice, "v", 60, 1);
        var entries = new TreeMap<ByteString, PlainRecord>(ByteString.unsignedLexicographicalComparator());
        entries.put(right.subkey(), right.body());
        entries.put(owned(mallory, "v", 60, 1).subkey(), right.body());

        assertThat(authenticity.inspection().welcome(KEY.target(), DictionaryRecord.of(entries)))
                .isEqualTo(DictionaryRecord.of(right.subkey(), right.body()));
    }

    /** Entries of so many owners, signed by nobody of them. */
    private DictionaryRecord forged(int count, DhtRecord... right) {
        var entries = DictionaryRecord.emptyEntries();
        for (int i = 0; i < count; i++) {
            DhtRecord mallorys = owned(mallory, "v", 60, 1);
            entries.put(owned(identity(100 + i), "v", 60, 1).subkey(), mallorys.body());
        }
        for (DhtRecord record : right) {
            entries.put(record.subkey(), record.body());
        }
        return DictionaryRecord.of(entries);
    }

    @Test
    void welcome_ofADictionaryWithSomeForgeries_leavesThemOut() {
        DhtRecord right = owned(alice, "v", 60, 1);

        assertThat(authenticity.inspection().welcome(KEY.target(), forged(Inspection.MAX_FORGERIES - 1, right)))
                .isEqualTo(DictionaryRecord.of(right.subkey(), right.body()));
    }

    @Test
    void welcome_ofForgeriesWithoutEnd_isAViolation() {
        Inspection inspection = authenticity.inspection();

        assertThatExceptionOfType(ProtocolViolationException.class)
                .isThrownBy(() -> inspection.welcome(KEY.target(), forged(50, owned(alice, "v", 60, 1))));
    }

    @Test
    void refusal_ofWhatAValidatorRefuses_isNoForgery() {
        Inspection inspection = new Authenticity((place, body) -> false).inspection();
        DhtRecord record = owned(alice, "v", 60, 1);

        for (int i = 0; i < 100; i++) {
            assertThat(inspection.refusal(record.place(), record.body())).isEqualTo(PutResult.INVALID);
        }
    }

    private DhtRecord junk(int index, int bytes, long seconds) {
        return DhtRecord.of(
                KEY,
                ByteString.copyFromUtf8("junk" + index),
                ByteString.copyFrom(new byte[bytes]),
                clock.instant().plusSeconds(seconds));
    }

    private DictionaryRecord kept() {
        return (DictionaryRecord) store.get(KEY.target());
    }

    @Test
    void put_ofAnOwnersEntryIntoADictionaryFullOfEntriesOfNobody_takesThePlaceOfTheLastToExpire() {
        for (int i = 0; i < DictionaryRecord.MAX_ENTRIES; i++) {
            roomy.put(junk(i, 0, i == 500 ? 3_000 : 600));
        }
        DhtRecord alices = owned(alice, "v", 60, 1);

        assertThat(roomy.put(alices)).isEqualTo(PutResult.STORED);

        var entries = ((DictionaryRecord) roomy.get(KEY.target())).entries();
        assertThat(entries).hasSize(DictionaryRecord.MAX_ENTRIES).containsEntry(alices.subkey(), alices.body());
        assertThat(entries).doesNotContainKey(junk(500, 0, 0).subkey());
        assertThat(roomy.recordCount()).isEqualTo(DictionaryRecord.MAX_ENTRIES);
        assertThat(roomy.put(junk(500, 0, 3_000))).isEqualTo(PutResult.TOO_LARGE);
    }

    @Test
    void put_ofAnOwnersEntryIntoADictionaryWithoutBytes_makesAsMuchRoomAsItNeeds() {
        for (int i = 0; i < 16; i++) {
            store.put(junk(i, PlainRecord.MAX_VALUE_BYTES, 600));
        }
        int full = kept().entries().size();

        assertThat(store.put(DhtRecord.owned(alice, KEY, NAME, body("v".repeat(12_000), 60), 1)))
                .isEqualTo(PutResult.STORED);
        assertThat(store.put(DhtRecord.owned(mallory, KEY, NAME, body("v".repeat(12_000), 60), 1)))
                .isEqualTo(PutResult.STORED);
        assertThat(kept().entries()).hasSize(full + 1);
        assertThat(kept().sizeBytes()).isLessThanOrEqualTo(DictionaryRecord.MAX_BYTES);
        assertThat(store.sizeBytes()).isGreaterThan(kept().sizeBytes());
    }

    @Test
    void merge_ofEntriesOfNobodyWithThoseOfOwners_keepsTheOwners() {
        DhtRecord alices = owned(alice, "v", 60, 1);
        var junk = DictionaryRecord.emptyEntries();
        for (int i = 0; i < DictionaryRecord.MAX_ENTRIES; i++) {
            junk.put(junk(i, 0, 600).subkey(), junk(i, 0, 600).body());
        }
        DhtValue full = DictionaryRecord.of(junk);
        DhtValue owned = DictionaryRecord.of(alices.subkey(), alices.body());

        for (DhtValue merged :
                List.of(full.merge(owned), owned.merge(full), full.merge(owned).merge(full))) {
            assertThat(((DictionaryRecord) merged).entries())
                    .hasSize(DictionaryRecord.MAX_ENTRIES)
                    .containsEntry(alices.subkey(), alices.body());
        }
    }

    @Test
    void put_ofAGreaterSequence_replacesWhateverLivesLonger() {
        store.put(owned(alice, "old", 600, 1));

        assertThat(store.put(owned(alice, "new", 60, 2))).isEqualTo(PutResult.STORED);
        assertThat(store.put(owned(alice, "old", 600, 1))).isEqualTo(PutResult.STALE);
    }

    @Test
    void put_ofAnybodysRecord_neverReplacesTheOwners() {
        DhtRecord right = owned(alice, "v", 60, 1);
        store.put(right);

        assertThat(store.put(new DhtRecord(KEY, right.subkey(), body("w", 600))))
                .isEqualTo(PutResult.STALE);
    }

    @Test
    void put_ofATombstone_leavesNothingToReadAndStandsAgainstLateCopies() {
        store.put(owned(alice, "v", 60, 1));
        store.put(owned(alice, "", 60, 2));

        assertThat(store.put(owned(alice, "v", 60, 1))).isEqualTo(PutResult.STALE);
        var left = (DictionaryRecord) store.get(KEY.target());
        assertThat(left.entries().values()).allMatch(PlainRecord::isTombstone);
    }

    @Test
    void put_ofFourOwnersInAnyOrder_keepsTheSame() {
        List<DhtRecord> records = new ArrayList<>();
        for (int i = 1; i <= DictionaryRecord.MAX_OWNERS; i++) {
            records.add(owned(identity(i), "v", 60, 1));
            records.add(owned(identity(i), "w", 60, 2));
        }
        store.putAll(records);
        DhtValue expected = store.get(KEY.target());
        Random random = new Random(4);
        for (int round = 0; round < 20; round++) {
            Collections.shuffle(records, random);
            var other = new RecordStore(NodeId.ZERO, new Lifetimes(clock, Duration.ofHours(1)), 1_000, 1 << 20);
            records.forEach(other::put);

            assertThat(other.get(KEY.target())).isEqualTo(expected);
        }
    }

    private List<PeerIdentity> seats() {
        List<PeerIdentity> owners = IntStream.rangeClosed(1, DictionaryRecord.MAX_OWNERS)
                .mapToObj(OwnershipTest::identity)
                .toList();
        owners.forEach(owner -> assertThat(store.put(owned(owner, "v", 60, 1))).isEqualTo(PutResult.STORED));
        return owners;
    }

    @Test
    void put_ofMoreOwnersWithWhateverIds_leavesThoseWhoCameFirst() {
        List<PeerIdentity> owners = seats();
        DhtValue before = store.get(KEY.target());
        for (int i = 100; i < 150; i++) {
            assertThat(store.put(owned(identity(i), "v", 600, 9))).isEqualTo(PutResult.CROWDED);
        }

        assertThat(store.get(KEY.target())).isEqualTo(before);
        assertThat(store.put(owned(owners.get(3), "w", 60, 2))).isEqualTo(PutResult.STORED);
    }

    @Test
    void put_afterAnOwnerWithdrewOrExpired_takesTheNext() {
        List<PeerIdentity> owners = seats();
        store.put(owned(owners.get(0), "", 60, 2));
        assertThat(store.put(owned(identity(100), "v", 600, 1))).isEqualTo(PutResult.STORED);
        assertThat(store.put(owned(identity(101), "v", 600, 1))).isEqualTo(PutResult.CROWDED);

        clock.advance(Duration.ofSeconds(61));

        assertThat(store.put(owned(identity(101), "v", 600, 1))).isEqualTo(PutResult.STORED);
    }

    @Test
    void put_ofWithdrawalsWithoutEnd_keepsFewOfThem() {
        for (int i = 1; i <= 50; i++) {
            store.put(owned(identity(i), "", 60, 1));
        }

        assertThat(store.recordCount()).isEqualTo(2 * DictionaryRecord.MAX_OWNERS);
    }

    @Test
    void merge_ofWhatSeveralKeepersSay_dropsNobody() {
        DhtValue found = DictionaryRecord.of(
                owned(identity(1), "v", 60, 1).subkey(),
                owned(identity(1), "v", 60, 1).body());
        for (int i = 2; i <= 9; i++) {
            DhtRecord record = owned(identity(i), "v", 60, 1);
            found = found.merge(DictionaryRecord.of(record.subkey(), record.body()));
        }

        assertThat(found.recordCount()).isEqualTo(9);
    }

    @Test
    void constructor_ofWrongSizes_isRefused() {
        ByteString key = ByteString.copyFrom(new byte[32]);
        ByteString signature = ByteString.copyFrom(new byte[64]);

        assertThatIllegalArgumentException().isThrownBy(() -> new Ownership(signature, 1, signature));
        assertThatIllegalArgumentException().isThrownBy(() -> new Ownership(key, 1, key));
        assertThatIllegalArgumentException().isThrownBy(() -> new Ownership(key, 0, signature));
    }
}
