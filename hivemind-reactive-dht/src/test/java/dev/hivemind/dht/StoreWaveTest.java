package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.sim.SimScheduler;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

class StoreWaveTest {

    private static final int REPLICAS = 3;
    private static final int MAX_CALLS = 32;
    private static final Duration SOFT_TIMEOUT = Duration.ofMillis(250);
    private static final Duration PATIENCE = SOFT_TIMEOUT.multipliedBy(2);
    private static final Duration SEARCH = Duration.ofMillis(100);

    private static final List<PeerAddress> ADDRESS = List.of(new PeerAddress("127.0.0.1", 1));

    private final SimScheduler time = new SimScheduler();
    private final List<Contact> contacts = IntStream.range(0, 80)
            .mapToObj(i -> new Contact(NodeId.ofKey(new byte[] {(byte) i}), ADDRESS))
            .toList();
    private final List<DhtRecord> records = List.of(record("key", "a"), record("key", "b"));
    private final List<Contact> asked = new ArrayList<>();
    private final List<DhtKey> searched = new ArrayList<>();
    private List<Contact> found = List.of();
    private final List<Integer> sizes = new ArrayList<>();
    private final List<StoreReceipt> receipts = new ArrayList<>();
    private final List<String> events = new ArrayList<>();
    private int underWay;

    private static DhtRecord record(String key, String subkey) {
        return DhtRecord.of(
                DhtKey.of(key), ByteString.copyFromUtf8(subkey), ByteString.EMPTY, Instant.ofEpochSecond(100));
    }

    private Placement placement(List<DhtRecord> some) {
        return new Placement(some, contacts, REPLICAS);
    }

    private StoreWave run(
            List<Placement> placements, int acknowledgements, BiFunction<Contact, Integer, Mono<StoreReply>> send) {
        var peers = new StoreWave.Peers() {
            @Override
            public Mono<StoreReply> store(Contact at, StoreRequest request) {
                return Mono.defer(() -> {
                            asked.add(at);
                            sizes.add(request.records().size());
                            underWay++;
                            return send.apply(at, request.records().size());
                        })
                        .doFinally(ended -> underWay--);
            }

            @Override
            public Mono<List<Contact>> search(DhtKey key) {
                searched.add(key);
                return Mono.delay(SEARCH, time).thenReturn(found);
            }
        };
        var listener = new StoreWave.Listener() {
            @Override
            public void accept(StoreReceipt receipt) {
                receipts.add(receipt);
            }

            @Override
            public void acknowledged() {
                events.add("acknowledged");
            }

            @Override
            public void settled() {
                events.add("settled");
            }
        };
        var wave = new StoreWave(placements, acknowledgements, SOFT_TIMEOUT, new NodeLoop(time), peers, listener);
        wave.start();
        time.run(PATIENCE.minusMillis(1));
        return wave;
    }

    private void run(BiFunction<Contact, Integer, Mono<StoreReply>> send) {
        run(List.of(placement(records)), REPLICAS, send);
    }

    private static Mono<StoreReply> reply(PutResult... results) {
        return Mono.just(new StoreReply(List.of(results)));
    }

    private static Mono<StoreReply> stored(int count) {
        return reply(Stream.generate(() -> PutResult.STORED).limit(count).toArray(PutResult[]::new));
    }

    @Test
    void start_withOneRecordRefusedEverywhere_spreadsTheOtherNoFurther() {
        run((to, count) -> reply(PutResult.STORED, PutResult.TOO_LARGE));

        assertThat(asked).isEqualTo(contacts.subList(0, REPLICAS));
        assertThat(receipts)
                .containsExactly(
                        new StoreReceipt(records.get(0), REPLICAS, 0, 0, 0),
                        new StoreReceipt(records.get(1), 0, 0, 0, REPLICAS));
    }

    @Test
    void start_withPeersThatRefuseEverything_takesTheNext() {
        run((to, count) -> contacts.indexOf(to) < 2
                ? reply(PutResult.FULL, PutResult.FULL)
                : reply(PutResult.STORED, PutResult.STORED));

        assertThat(asked).isEqualTo(contacts.subList(0, REPLICAS + 2));
        assertThat(receipts).allMatch(receipt -> receipt.stored() == REPLICAS && receipt.refused() == 2);
    }

    @Test
    void start_withPeersThatDoNotAnswer_takesTheNext() {
        run((to, count) -> contacts.indexOf(to) < 2 ? Mono.empty() : reply(PutResult.STORED, PutResult.STALE));

        assertThat(asked).isEqualTo(contacts.subList(0, REPLICAS + 2));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void start_withPeersThatDisagree_countsEachWhoeverAnswersLast(int last) {
        List<PutResult> opinions = List.of(PutResult.STORED, PutResult.STALE, PutResult.STORED);
        run((to, count) -> {
            int index = contacts.indexOf(to);
            PutResult opinion = opinions.get(index);
            Mono<StoreReply> answer = reply(opinion, opinion);
            return index == last ? Mono.delay(Duration.ofMillis(10), time).then(answer) : answer;
        });

        assertThat(receipts).hasSize(2).allMatch(receipt -> receipt.stored() == 2 && receipt.stale() == 1);
        assertThat(receipts).allMatch(StoreReceipt::isStored);
    }

    @Test
    void start_withNobodyAnswering_tellsThatNobodyKeepsTheRecords() {
        run((to, count) -> Mono.error(new IllegalStateException()));

        assertThat(asked).isEqualTo(contacts);
        assertThat(receipts).hasSize(2).allMatch(receipt -> receipt.stored() == 0);
        assertThat(events).containsExactly("acknowledged", "settled");
    }

    @Test
    void start_withManyKeysForTheSamePeers_sendsThemTogether() {
        List<Placement> placements = IntStream.range(0, 100)
                .mapToObj(i -> placement(List.of(record("key" + i, "a"))))
                .toList();

        run(placements, REPLICAS, (to, count) -> stored(count));

        assertThat(sizes).containsExactly(64, 36, 64, 36, 64, 36);
        assertThat(receipts).hasSize(100).allMatch(receipt -> receipt.stored() == REPLICAS);
    }

    @Test
    void start_withManyPeers_sendsToABoundedNumberAtOnce() {
        List<Placement> placements = contacts.stream()
                .map(contact -> new Placement(records, List.of(contact), REPLICAS))
                .toList();

        run(placements, REPLICAS, (to, count) -> Mono.never());

        assertThat(underWay).isEqualTo(MAX_CALLS);
    }

    @Test
    void start_withEnoughCopies_acknowledgesAndMakesTheRest() {
        Mono<StoreReply> late = Mono.delay(Duration.ofSeconds(2), time).then(stored(2));
        run(List.of(placement(records)), 2, (to, count) -> contacts.indexOf(to) == 0 ? late : stored(2));

        assertThat(receipts).hasSize(2).allMatch(receipt -> receipt.stored() == 2);
        assertThat(events).containsExactly("acknowledged");
        time.run(Duration.ofSeconds(2));
        assertThat(events).containsExactly("acknowledged", "settled");
        assertThat(receipts).hasSize(2);
    }

    @Test
    void start_withAPeerThatIsSilent_sendsToTheNextAfterAWhile() {
        run((to, count) -> contacts.indexOf(to) == 1 ? Mono.never() : stored(2));
        assertThat(receipts).isEmpty();

        time.run(Duration.ofMillis(1));

        assertThat(asked).isEqualTo(contacts.subList(0, REPLICAS + 1));
        assertThat(receipts).hasSize(2).allMatch(receipt -> receipt.stored() == REPLICAS);
    }

    @Test
    void start_withAllPeersSilent_waitsTwiceAsLong() {
        run((to, count) -> Mono.never());

        time.run(PATIENCE);
        assertThat(asked).hasSize(REPLICAS);
        time.run(Duration.ofMillis(1));

        assertThat(asked).hasSize(2 * REPLICAS);
    }

    @Test
    void start_withOnlyItselfAnswering_waitsTwiceAsLong() {
        var itself = new Contact(NodeId.ofKey(new byte[] {99}), List.of());
        List<Contact> keepers = new ArrayList<>(contacts);
        keepers.add(0, itself);
        run(
                List.of(new Placement(records, keepers, REPLICAS)),
                REPLICAS,
                (to, count) -> to.equals(itself) ? stored(2) : Mono.never());

        time.run(PATIENCE);
        assertThat(asked).hasSize(REPLICAS);
        time.run(Duration.ofMillis(1));

        assertThat(asked).hasSize(REPLICAS + 2);
    }

    @Test
    void start_withAPeerThatAnswersWhenItIsSlow_countsItsCopy() {
        Mono<StoreReply> late = Mono.delay(Duration.ofSeconds(1), time).then(stored(2));
        run(
                List.of(new Placement(records, contacts.subList(0, 2), 2)),
                2,
                (to, count) -> contacts.indexOf(to) == 0 ? late : stored(2));

        time.run(Duration.ofSeconds(1));

        assertThat(receipts).hasSize(2).allMatch(receipt -> receipt.stored() == 2);
        assertThat(events).containsExactly("acknowledged", "settled");
    }

    @Test
    void start_withManyPeersThatAreSlow_goesOnToOthersWithinABound() {
        List<Placement> placements = IntStream.range(0, 400)
                .mapToObj(i -> new Placement(
                        records,
                        List.of(new Contact(NodeId.ofKey(new byte[] {(byte) i, 1, (byte) (i >> 8)}), ADDRESS)),
                        REPLICAS))
                .toList();
        run(placements, REPLICAS, (to, count) -> Mono.never());

        time.run(Duration.ofMillis(501));
        assertThat(underWay).isEqualTo(2 * MAX_CALLS);
        time.run(Duration.ofMinutes(1));

        assertThat(underWay).isEqualTo(4 * MAX_CALLS);
    }

    @Test
    void start_withTooFewPeersOfWhomSomeAreSilent_searchesOnceMore() {
        found = contacts.subList(0, 6);
        run(
                List.of(new Placement(records, contacts.subList(0, 4), REPLICAS)),
                REPLICAS,
                (to, count) -> contacts.indexOf(to) < 2 ? Mono.empty() : stored(2));

        assertThat(searched).containsExactly(records.get(0).key());
        assertThat(asked).isEqualTo(contacts.subList(0, 5));
        assertThat(receipts).hasSize(2).allMatch(receipt -> receipt.stored() == REPLICAS);
        assertThat(events).containsExactly("acknowledged", "settled");
    }

    @Test
    void start_withTooFewPeersThatAllAnswer_searchesNoMore() {
        found = contacts;
        run(List.of(new Placement(records, contacts.subList(0, 2), REPLICAS)), REPLICAS, (to, count) -> stored(2));

        assertThat(searched).isEmpty();
        assertThat(receipts).hasSize(2).allMatch(receipt -> receipt.stored() == 2);
    }

    @Test
    void start_withASearchThatFindsNobodyElse_endsWithWhatThereIs() {
        found = contacts.subList(0, 2);
        run(
                List.of(new Placement(records, contacts.subList(0, 2), REPLICAS)),
                REPLICAS,
                (to, count) -> contacts.indexOf(to) == 0 ? Mono.empty() : stored(2));

        assertThat(searched).hasSize(1);
        assertThat(receipts).hasSize(2).allMatch(receipt -> receipt.stored() == 1);
        assertThat(events).containsExactly("acknowledged", "settled");
    }

    @Test
    void dispose_whileSearching_givesTheSearchUp() {
        StoreWave wave = run(
                List.of(new Placement(records, contacts.subList(0, 2), REPLICAS)),
                REPLICAS,
                (to, count) -> Mono.<StoreReply>empty().delaySubscription(PATIENCE.minusMillis(50), time));
        assertThat(searched).hasSize(1);

        wave.dispose();
        time.run(Duration.ofSeconds(10));

        assertThat(events).isEmpty();
    }

    @Test
    void dispose_withCallsUnderWay_givesThemUpAndSendsNoMore() {
        StoreWave wave = run(List.of(placement(records)), REPLICAS, (to, count) -> Mono.never());

        wave.dispose();
        time.run(Duration.ofSeconds(10));

        assertThat(underWay).isZero();
        assertThat(asked).hasSize(REPLICAS);
        assertThat(events).isEmpty();
    }
}
