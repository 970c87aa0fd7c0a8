package dev.hivemind.dht.expert;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.Swarm;
import dev.hivemind.dht.expert.ExpertStatus.State;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;

class ExpertDirectoryTest {

    private static final Duration TIMEOUT = Swarm.TIMEOUT;
    private static final Duration TTL = Duration.ofSeconds(60);

    private final ManualClock clock = new ManualClock();
    private final Swarm swarm =
            new Swarm(6, node -> node.softTimeout(Duration.ofSeconds(2)).clock(clock));

    @BeforeEach
    void start() {
        swarm.grow(5);
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    private ExpertDirectory directory(int node) {
        return new ExpertDirectory(swarm.get(node));
    }

    private DeclareReceipt declare(int node, String... uids) {
        return directory(node)
                .declare(Stream.of(uids).map(ExpertUid::new).toList(), TTL)
                .block(TIMEOUT);
    }

    private SortedMap<Integer, ExpertDescriptor> successors(int node, String prefix) {
        return directory(node).successors(new ExpertPrefix(prefix)).block(TIMEOUT);
    }

    private ExpertDescriptor descriptor(String uid, int node) {
        DhtNode owner = swarm.get(node);
        return new ExpertDescriptor(new ExpertUid(uid), owner.id(), owner.addresses());
    }

    private void plant(DhtKey key, ByteString subkey, ByteString value) {
        swarm.get(0)
                .store(swarm.get(0).own(key, subkey, value, clock.instant().plusSeconds(60)))
                .block(TIMEOUT);
    }

    private static ExpertUid uid(String text) {
        return new ExpertUid(text);
    }

    @Test
    void find_fromAnotherNode_namesTheOwner() {
        declare(1, "ffn.3");

        assertThat(directory(4).find(new ExpertUid("ffn.3")).collectList().block(TIMEOUT))
                .containsExactly(descriptor("ffn.3", 1));
    }

    @Test
    void find_ofAnUnknownExpert_isEmpty() {
        StepVerifier.create(directory(4).find(new ExpertUid("ffn.9")))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void find_ofAnExpertWithTwoOwners_namesTheLatestDeclaredFirst() {
        declare(1, "ffn.3");
        clock.advance(Duration.ofSeconds(1));
        declare(2, "ffn.3");

        assertThat(directory(4).find(new ExpertUid("ffn.3")).collectList().block(TIMEOUT))
                .containsExactly(descriptor("ffn.3", 2), descriptor("ffn.3", 1));
    }

    @Test
    void find_afterTheTtl_isEmpty() {
        declare(1, "ffn.3");

        clock.advance(TTL);

        StepVerifier.create(directory(4).find(new ExpertUid("ffn.3")))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void findAll_ofManyExperts_leavesOutTheUnknown() {
        String[] uids = IntStream.range(0, 20).mapToObj(i -> "expert." + i).toArray(String[]::new);
        assertThat(declare(3, uids).isComplete()).isTrue();

        Map<ExpertUid, ExpertDescriptor> found = directory(0)
                .findAll(IntStream.range(10, 30)
                        .mapToObj(i -> new ExpertUid("expert." + i))
                        .toList())
                .block(TIMEOUT);

        assertThat(found).hasSize(10).containsEntry(new ExpertUid("expert.19"), descriptor("expert.19", 3));
    }

    @Test
    void declare_inAFlatGrid_takesTwoRecordsAnExpert() {
        assertThat(declare(0, "ffn.1", "ffn.2")).isEqualTo(new DeclareReceipt(4, 4));
    }

    @Test
    void declare_inADeepGrid_takesOneRecordForEachUidAndBranch() {
        assertThat(declare(0, "e.1.2.3", "e.1.2.5", "e.2.0")).isEqualTo(new DeclareReceipt(9, 9));
    }

    @Test
    void successors_inADeepGrid_areTheCoordinatesThatFollow() {
        declare(0, "e.1.2.3", "e.1.2.5");
        declare(1, "e.2.0");

        assertThat(successors(3, "e.")).containsOnlyKeys(1, 2);
        assertThat(successors(3, "e.1.")).containsOnlyKeys(2);
        assertThat(successors(3, "e.1.2."))
                .containsExactly(Map.entry(3, descriptor("e.1.2.3", 0)), Map.entry(5, descriptor("e.1.2.5", 0)));
        assertThat(successors(3, "e.2.")).containsExactly(Map.entry(0, descriptor("e.2.0", 1)));
        assertThat(successors(3, "e.4.5.")).isEmpty();
    }

    @Test
    void successors_ofExpertsOnSeveralServers_areAllOfThem() {
        declare(1, "expert.0", "expert.2");
        declare(2, "expert.1", "expert.10");

        assertThat(successors(4, "expert."))
                .containsExactly(
                        Map.entry(0, descriptor("expert.0", 1)),
                        Map.entry(1, descriptor("expert.1", 2)),
                        Map.entry(2, descriptor("expert.2", 1)),
                        Map.entry(10, descriptor("expert.10", 2)));
    }

    @Test
    void successors_afterTheOwnerDied_areFoundUntilTheTtl() {
        declare(2, "expert.0");
        swarm.kill(swarm.get(2));

        assertThat(successors(4, "expert.")).containsOnlyKeys(0);
    }

    @Test
    void successors_amongMalformedValues_skipThem() {
        declare(1, "ffn.1");
        DhtKey key = DhtKey.of("ffn.");
        ByteString stranger = descriptor("other.2", 1).toBytes();
        plant(key, ByteString.copyFromUtf8("2"), ByteString.copyFromUtf8("garbage"));
        plant(key, ByteString.copyFromUtf8("3"), stranger);
        plant(key, ByteString.copyFromUtf8("-1"), descriptor("ffn.1", 1).toBytes());
        plant(
                key,
                ByteString.copyFromUtf8("99999999999"),
                descriptor("ffn.1", 1).toBytes());
        plant(key, ByteString.copyFrom(new byte[] {(byte) 0xff}), ByteString.EMPTY);

        assertThat(successors(4, "ffn.")).containsOnlyKeys(1);
    }

    @Test
    void find_amongMalformedValues_skipsThem() {
        declare(1, "ffn.1");
        DhtKey key = DhtKey.of("ffn.1");
        plant(key, ByteString.EMPTY, descriptor("ffn.1", 1).toBytes());
        plant(key, ByteString.copyFromUtf8("x"), ByteString.EMPTY);
        Instant expiry = clock.instant().plusSeconds(60);
        swarm.get(0)
                .store(DhtRecord.of(
                        key, ByteString.EMPTY, descriptor("ffn.1", 0).toBytes(), expiry))
                .block(TIMEOUT);

        assertThat(directory(4).find(uid("ffn.1")).collectList().block(TIMEOUT))
                .containsExactly(descriptor("ffn.1", 1));
    }

    @Test
    void find_afterSomebodyElseWroteToTheOwnersSubkey_namesTheOwner() {
        declare(1, "ffn.1");
        ByteString subkey = ByteString.copyFrom(swarm.get(1).id().toBytes());
        var forged = DhtRecord.of(
                DhtKey.of("ffn.1"), subkey, ByteString.EMPTY, clock.instant().plus(Duration.ofHours(1)));

        StoreReceipt receipt = swarm.get(3).store(forged).block(TIMEOUT);

        assertThat(receipt.isStored()).isFalse();
        assertThat(directory(4).find(uid("ffn.1")).collectList().block(TIMEOUT))
                .containsExactly(descriptor("ffn.1", 1));
    }

    @Test
    void withdraw_ofADeclaredExpert_hidesItAtOnce() {
        declare(1, "ffn.1", "ffn.2");

        directory(1).withdraw(List.of(uid("ffn.1")), TTL).block(TIMEOUT);

        assertThat(directory(4).find(uid("ffn.1")).collectList().block(TIMEOUT)).isEmpty();
        assertThat(successors(4, "ffn.")).containsOnlyKeys(2);
    }

    @Test
    void leave_ofAllExperts_leavesNoExampleOfTheirBranches() {
        declare(1, "e.1.2", "e.1.3", "e.2.3");

        directory(1)
                .leave(List.of(new ExpertUid("e.1.2"), new ExpertUid("e.1.3"), new ExpertUid("e.2.3")), TTL)
                .block(TIMEOUT);

        assertThat(directory(4).successors(new ExpertPrefix("e.")).block(TIMEOUT))
                .isEmpty();
        assertThat(directory(4).successors(new ExpertPrefix("e.1.")).block(TIMEOUT))
                .isEmpty();
    }

    @Test
    void declare_afterAWithdrawal_isFoundAgain() {
        declare(1, "ffn.1");
        directory(1).withdraw(List.of(uid("ffn.1")), TTL).block(TIMEOUT);

        declare(1, "ffn.1");

        assertThat(successors(4, "ffn.")).containsOnlyKeys(1);
    }

    @Test
    void declare_withAStatus_isFoundWithIt() {
        var status = new ExpertStatus(State.DRAINING, 1.5f, true, ByteString.copyFromUtf8("hash"));
        directory(1).declare(Map.of(uid("ffn.1"), status), TTL).block(TIMEOUT);

        assertThat(directory(4).find(uid("ffn.1")).blockFirst(TIMEOUT).status()).isEqualTo(status);
    }

    @Test
    void successors_ofACoordinateWithTwoOwners_prefersTheOneThatTakesCalls() {
        declare(2, "ffn.1");
        clock.advance(Duration.ofSeconds(1));
        directory(1)
                .declare(Map.of(uid("ffn.1"), ExpertStatus.DEFAULT.with(State.DRAINING)), TTL)
                .block(TIMEOUT);

        assertThat(successors(4, "ffn.")).containsExactly(Map.entry(1, descriptor("ffn.1", 2)));
        assertThat(directory(4).owners(new ExpertPrefix("ffn.")).block(TIMEOUT).get(1))
                .hasSize(2);
    }

    @Test
    void successors_ofWhatKeepersSayOfFiveOwners_nameFour() {
        var entries = DictionaryRecord.emptyEntries();
        for (int i = 0; i < 5; i++) {
            DhtRecord record = swarm.get(i)
                    .own(
                            new ExpertPrefix("ffn.").key(),
                            ByteString.copyFromUtf8("1"),
                            descriptor("ffn.1", i).toBytes(),
                            clock.instant().plusSeconds(60));
            entries.put(record.subkey(), record.body());
        }

        assertThat(DirectoryRecords.successors(new ExpertPrefix("ffn."), DictionaryRecord.of(entries))
                        .get(1))
                .hasSize(DictionaryRecord.MAX_OWNERS);
    }

    @Test
    void owners_ofACoordinateThatFiveDeclare_areTheFourWhoCameFirst() {
        for (int node = 0; node < 5; node++) {
            assertThat(declare(node, "ffn.1").isComplete()).isTrue();
        }
        List<PeerId> first = swarm.nodes().stream().limit(4).map(DhtNode::id).toList();

        assertThat(directory(4).owners(new ExpertPrefix("ffn.")).block(TIMEOUT).get(1))
                .extracting(ExpertDescriptor::peerId)
                .containsAll(first);
    }

    @Test
    void successors_ofSeveralPrefixes_areFoundForEach() {
        declare(1, "e.1.2", "e.2.3");
        ExpertPrefix first = new ExpertPrefix("e.1.");
        ExpertPrefix second = new ExpertPrefix("e.2.");

        var found = directory(4).successors(List.of(first, second, first)).block(TIMEOUT);

        assertThat(found).containsOnlyKeys(first, second);
        assertThat(found.get(first)).containsOnlyKeys(2);
        assertThat(found.get(second)).containsOnlyKeys(3);
    }

    @Test
    void successors_underAPlainValue_areNone() {
        swarm.get(0)
                .store(DhtRecord.of(
                        DhtKey.of("ffn."), ByteString.EMPTY, clock.instant().plusSeconds(60)))
                .block(TIMEOUT);

        assertThat(successors(4, "ffn.")).isEmpty();
    }

    @Test
    void declare_onAClientOnlyNode_isRefused() {
        DhtNode client = swarm.join(swarm.diallingPeer());

        StepVerifier.create(new ExpertDirectory(client).declare(List.of(new ExpertUid("ffn.1")), TTL))
                .expectError(IllegalStateException.class)
                .verify(TIMEOUT);
    }

    @Test
    void find_fromAClientOnlyNode_namesTheOwner() {
        declare(1, "ffn.3");
        DhtNode client = swarm.join(swarm.diallingPeer());

        StepVerifier.create(new ExpertDirectory(client).find(new ExpertUid("ffn.3")))
                .expectNext(descriptor("ffn.3", 1))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void declare_ofTheLongestUid_isFound() {
        String uid = "x".repeat(254) + ".7";

        assertThat(declare(1, uid).isComplete()).isTrue();
        assertThat(successors(3, "x".repeat(254) + ".")).containsOnlyKeys(7);
    }
}
