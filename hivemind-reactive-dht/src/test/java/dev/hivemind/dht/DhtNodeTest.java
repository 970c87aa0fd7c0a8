package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** Nodes over real sockets, with a clock of the test's. */
class DhtNodeTest {

    private static final Duration TIMEOUT = Swarm.TIMEOUT;
    private static final DhtKey KEY = DhtKey.of("key");

    private final ManualClock clock = new ManualClock();
    private final Swarm swarm = new Swarm(
            20,
            node -> node.bucketSize(5)
                    .replicas(3)
                    .softTimeout(Duration.ofSeconds(2))
                    .clock(clock));

    @AfterEach
    void close() {
        swarm.close();
    }

    private static ByteString bytes(String text) {
        return ByteString.copyFromUtf8(text);
    }

    private DhtRecord plain(DhtKey key, String value, long seconds) {
        return DhtRecord.of(key, bytes(value), clock.instant().plusSeconds(seconds));
    }

    private DhtRecord entry(String subkey, String value, long seconds) {
        return DhtRecord.of(KEY, bytes(subkey), bytes(value), clock.instant().plusSeconds(seconds));
    }

    private int copies() {
        return Flux.fromIterable(swarm.nodes())
                .concatMap(DhtNode::snapshot)
                .map(DhtSnapshot::records)
                .reduce(0, Integer::sum)
                .block(TIMEOUT);
    }

    @Test
    void findNearest_amongTwentyNodes_isAsGoodAsBruteForce() {
        swarm.grow(20);
        List<NodeId> targets = IntStream.range(0, 20)
                .mapToObj(i -> DhtKey.of("target-" + i).target())
                .toList();
        int top1 = 0;
        double jaccard = 0;

        for (NodeId target : targets) {
            DhtNode asker = swarm.get(Math.floorMod(target.hashCode(), 20));
            List<NodeId> truth = nearest(asker, target, 5);
            List<NodeId> found = asker.findNearest(target).block(TIMEOUT).closest().stream()
                    .map(Contact::id)
                    .toList();
            assertThat(found).hasSize(5).isSortedAccordingTo(target::compareDistance);
            top1 += found.get(0).equals(truth.get(0)) ? 1 : 0;
            long shared = found.stream().filter(truth::contains).count();
            jaccard += shared / (10.0 - shared);
        }

        assertThat(top1 / 20.0).isGreaterThanOrEqualTo(0.8);
        assertThat(jaccard / 20).isGreaterThanOrEqualTo(0.9);
    }

    private List<NodeId> nearest(DhtNode asker, NodeId target, int count) {
        return swarm.nodes().stream()
                .filter(node -> node != asker)
                .map(node -> NodeId.of(node.id()))
                .sorted(target::compareDistance)
                .limit(count)
                .toList();
    }

    @Test
    void storeAll_ofManyKeys_isFoundFromAThirdNodeWithTheSameExpiry() {
        swarm.grow(8);
        List<DhtRecord> records = IntStream.range(0, 20)
                .mapToObj(i -> plain(DhtKey.of("k" + i), "v" + i, 60 + i))
                .toList();

        List<StoreReceipt> receipts =
                swarm.get(1).storeAll(records).collectList().block(TIMEOUT);

        assertThat(receipts).hasSize(20).allMatch(receipt -> receipt.stored() == 3 && receipt.refused() == 0);
        for (DhtRecord record : records) {
            assertThat(swarm.get(6).get(record.key()).block(TIMEOUT)).isEqualTo(record.body());
        }
    }

    @Test
    void store_again_addsNoCopies() {
        swarm.grow(8);

        swarm.get(0).store(plain(KEY, "old", 10)).block(TIMEOUT);
        swarm.get(5).store(plain(KEY, "new", 20)).block(TIMEOUT);

        assertThat(copies()).isEqualTo(3);
        assertThat(swarm.get(3).get(KEY).block(TIMEOUT))
                .isEqualTo(new PlainRecord(bytes("new"), clock.instant().plusSeconds(20)));
    }

    @Test
    void store_ofSomethingOlder_isStaleAndShortensNoLife() {
        swarm.grow(5);
        swarm.get(0).store(plain(KEY, "new", 60)).block(TIMEOUT);

        StoreReceipt receipt = swarm.get(1).store(plain(KEY, "old", 1)).block(TIMEOUT);

        assertThat(receipt.stored()).isZero();
        assertThat(receipt.stale()).isEqualTo(3);
        clock.advance(Duration.ofSeconds(30));
        assertThat(swarm.get(2).get(KEY).block(TIMEOUT))
                .isEqualTo(new PlainRecord(bytes("new"), clock.instant().plusSeconds(30)));
    }

    @Test
    void getLatest_ofSubkeysFromSeveralNodes_mergesThem() {
        swarm.grow(6);
        swarm.get(0).store(entry("a", "1", 10)).block(TIMEOUT);
        swarm.get(1).store(entry("b", "2", 20)).block(TIMEOUT);
        swarm.get(2).store(entry("a", "older", 5)).block(TIMEOUT);

        var found = (DictionaryRecord) swarm.get(5).getLatest(KEY).block(TIMEOUT);

        assertThat(found.entries())
                .containsExactly(
                        Map.entry(
                                bytes("a"),
                                new PlainRecord(bytes("1"), clock.instant().plusSeconds(10))),
                        Map.entry(
                                bytes("b"),
                                new PlainRecord(bytes("2"), clock.instant().plusSeconds(20))));
    }

    @Test
    void get_afterTheExpiry_isEmpty() {
        swarm.grow(5);
        swarm.get(0).store(plain(KEY, "v", 10)).block(TIMEOUT);

        clock.advance(Duration.ofSeconds(11));

        StepVerifier.create(swarm.get(4).get(KEY)).expectComplete().verify(TIMEOUT);
        assertThat(copies()).isZero();
    }

    @Test
    void get_ofAnUnknownKey_isEmpty() {
        swarm.grow(3);

        StepVerifier.create(swarm.get(2).getLatest(KEY)).expectComplete().verify(TIMEOUT);
    }

    @Test
    void get_onALoneNode_returnsWhatItStored() {
        swarm.grow(1);

        StoreReceipt receipt = swarm.get(0).store(plain(KEY, "v", 10)).block(TIMEOUT);

        assertThat(receipt.stored()).isEqualTo(1);
        assertThat(swarm.get(0).get(KEY).block(TIMEOUT)).isNotNull();
    }

    @Test
    void store_withDeadNodesAmongTheNearest_takesTheNextNearest() {
        swarm.grow(12);
        List<NodeId> nearest = nearest(swarm.get(0), KEY.target(), 2);
        List<DhtNode> dying = swarm.nodes().stream()
                .filter(node -> nearest.contains(NodeId.of(node.id())))
                .toList();
        dying.forEach(swarm::kill);

        StoreReceipt receipt = swarm.get(0).store(plain(KEY, "v", 60)).block(TIMEOUT);

        assertThat(receipt.stored()).isEqualTo(3);
        DhtNode reader = swarm.nodes().stream()
                .skip(1)
                .filter(node -> !dying.contains(node))
                .findFirst()
                .orElseThrow();
        assertThat(reader.get(KEY).block(TIMEOUT)).isNotNull();
    }

    @Test
    void get_afterMostHoldersDied_findsTheLastCopy() {
        swarm.grow(10);
        swarm.get(0).store(plain(KEY, "v", 60)).block(TIMEOUT);
        List<DhtNode> holders = Flux.fromIterable(swarm.nodes())
                .filterWhen(node -> node.snapshot().map(snapshot -> snapshot.records() > 0))
                .collectList()
                .block(TIMEOUT);
        holders.stream().limit(2).forEach(swarm::kill);
        DhtNode reader = swarm.nodes().stream()
                .filter(node -> !holders.contains(node))
                .findFirst()
                .orElseThrow();

        assertThat(reader.get(KEY).block(TIMEOUT)).isNotNull();
    }

    @Test
    void findNearest_repeatedlyAmongDeadNodes_dropsThemFromTheTable() {
        swarm.grow(5);
        swarm.kill(swarm.get(3));
        swarm.kill(swarm.get(4));

        for (int i = 0; i < 3; i++) {
            swarm.get(0).findNearest(KEY.target()).block(TIMEOUT);
        }

        assertThat(swarm.get(0).snapshot().block(TIMEOUT).contacts()).isEqualTo(2);
    }

    @Test
    void start_ofAClientOnlyNode_entersNoTableAndKeepsNothing() {
        swarm.grow(3);

        DhtNode client = swarm.join(swarm.diallingPeer());
        client.store(plain(KEY, "v", 60)).block(TIMEOUT);

        assertThat(client.isClientOnly()).isTrue();
        assertThat(client.get(KEY).block(TIMEOUT)).isNotNull();
        assertThat(client.snapshot().block(TIMEOUT).records()).isZero();
        for (DhtNode node : swarm.nodes().subList(0, 3)) {
            assertThat(node.snapshot().block(TIMEOUT).contacts()).isLessThanOrEqualTo(2);
        }
    }

    @Test
    void start_withoutAnyInitialPeerAnswering_namesThem() {
        PeerNode gone = swarm.listeningPeer();
        PeerAddress address = gone.addresses().get(0);
        gone.close().block(TIMEOUT);
        DhtNode node =
                swarm.node(swarm.diallingPeer()).initialPeers(List.of(address)).build();

        StepVerifier.create(node.start())
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(PeerUnavailableException.class)
                        .hasMessageStartingWith("None of the initial peers answers")
                        .hasMessageContaining(address.toString()))
                .verify(TIMEOUT);
        node.close().block(TIMEOUT);
    }

    @Test
    void start_withAnInitialPeerThatIsNoNode_failsAsUnavailable() {
        PeerNode stranger = swarm.listeningPeer();
        DhtNode node = swarm.node(swarm.diallingPeer())
                .initialPeers(stranger.addresses())
                .build();

        StepVerifier.create(node.start())
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
        node.close().block(TIMEOUT);
    }

    @Test
    void start_withOneOfTwoInitialPeersAnswering_joins() {
        swarm.grow(2);
        PeerNode gone = swarm.listeningPeer();
        List<PeerAddress> addresses = Stream.of(gone.addresses(), swarm.get(1).addresses())
                .flatMap(List::stream)
                .toList();
        gone.close().block(TIMEOUT);
        PeerNode peer = swarm.listeningPeer();

        DhtNode node = swarm.start(peer, swarm.node(peer).initialPeers(addresses));

        assertThat(node.snapshot().block(TIMEOUT).contacts()).isEqualTo(2);
    }

    @Test
    void start_withItselfAsInitialPeer_isTheFirstNode() {
        PeerNode peer = swarm.listeningPeer();

        DhtNode node = swarm.start(peer, swarm.node(peer).initialPeers(peer.addresses()));

        assertThat(node.snapshot().block(TIMEOUT).contacts()).isZero();
    }

    @Test
    void get_byAClientWhosePeersAreGone_failsAsUnavailable() {
        swarm.grow(1);
        DhtNode client = swarm.join(swarm.diallingPeer());
        swarm.kill(swarm.get(0));

        StepVerifier.create(client.get(KEY))
                .expectError(PeerUnavailableException.class)
                .verify(TIMEOUT);
    }

    @Test
    void get_byAClientWhoseOnlyPeerCameBack_joinsAgain() {
        swarm.grow(1);
        PeerAddress address = swarm.get(0).addresses().get(0);
        DhtNode client = swarm.join(swarm.diallingPeer());
        swarm.kill(swarm.get(0));
        for (int i = 0; i < 3; i++) {
            client.get(KEY).onErrorResume(error -> Mono.empty()).block(TIMEOUT);
        }
        PeerNode again = swarm.peerAt(address);
        swarm.start(again, swarm.node(again));

        StepVerifier.create(client.get(KEY)).expectComplete().verify(TIMEOUT);
        assertThat(client.snapshot().block(TIMEOUT).contacts()).isEqualTo(1);
    }

    @Test
    void store_ofARecordThatLivesTooLong_isRefusedBeforeAnythingIsSent() {
        swarm.grow(2);

        StepVerifier.create(swarm.get(0).store(DhtRecord.of(KEY, bytes("v"), Instant.MAX)))
                .expectError(IllegalArgumentException.class)
                .verify(TIMEOUT);
    }

    @Test
    void get_onAClosedNode_fails() {
        swarm.grow(2);
        swarm.get(1).close().block(TIMEOUT);

        StepVerifier.create(swarm.get(1).get(KEY))
                .expectErrorMessage("The DHT node is closed")
                .verify(TIMEOUT);
        StepVerifier.create(swarm.get(1).store(plain(KEY, "v", 5)))
                .expectErrorMessage("The DHT node is closed")
                .verify(TIMEOUT);
    }

    @Test
    void get_byBlockingUserCode_holdsTheNodeUpForNobody() {
        swarm.grow(3);
        swarm.get(0).store(plain(KEY, "v", 60)).block(TIMEOUT);

        Boolean insideLoop = swarm.get(1)
                .get(KEY)
                .map(value -> Thread.currentThread().getName().startsWith("hivemind-dht"))
                .block(TIMEOUT);

        assertThat(insideLoop).isFalse();
    }

    @Test
    void watch_overSockets_isToldOfAChangeLongBeforeThePeriodIsOver() {
        swarm.grow(5);
        DhtKey key = DhtKey.of("watched");
        DhtNode writer = swarm.get(1);
        AtomicInteger version = new AtomicInteger();
        Flux<StoreReceipt> changes = Flux.interval(Duration.ofMillis(200))
                .onBackpressureDrop()
                .concatMap(
                        tick -> writer.store(DhtRecord.of(
                                key, ByteString.EMPTY, writer.now().plusSeconds(600 + version.incrementAndGet()))),
                        1);

        StepVerifier.create(swarm.get(4).watch(key, Duration.ofHours(1)).takeUntilOther(changes.then()))
                .expectNextCount(3)
                .thenCancel()
                .verify(TIMEOUT);
    }
}
