package dev.hivemind.dht.lookup;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.FindResult;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.testkit.ManualClock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IterativeLookupTest {

    private static final int ALPHA = 3;
    private static final NodeId SELF = NodeId.ofKey(new byte[] {1});
    private static final NodeId TARGET = NodeId.ofKey(new byte[] {2});

    private final Random random = new Random(23);
    private final ManualClock clock = new ManualClock();
    private final Lifetimes lifetimes = new Lifetimes(clock, Lifetimes.MAX_TTL);

    private IterativeLookup lookup(LookupRequest request, List<Contact> seeds) {
        return new IterativeLookup(request, SELF, seeds, ALPHA, lifetimes);
    }

    /** Contacts by distance to the target: index 0 is nearest. */
    private List<Contact> contacts(int count) {
        return Stream.generate(() -> new Contact(FakeSwarm.randomId(random), List.of(new PeerAddress("127.0.0.1", 1))))
                .limit(count)
                .sorted(TARGET.nearestFirst())
                .toList();
    }

    private static FindResult contacts(Contact... closest) {
        return new FindResult(List.of(closest), null);
    }

    private static FindResult value(DhtValue value) {
        return new FindResult(List.of(), value);
    }

    private PlainRecord plain(String text, long seconds) {
        return new PlainRecord(ByteString.copyFromUtf8(text), clock.instant().plusSeconds(seconds));
    }

    private DictionaryRecord dictionary(String subkey, String text, long seconds) {
        return DictionaryRecord.of(ByteString.copyFromUtf8(subkey), plain(text, seconds));
    }

    /** Answers calls in random order until the lookup ends. */
    private LookupResult walk(FakeSwarm swarm, Contact asker, NodeId target, int width, int alpha) {
        return walk(swarm, asker, LookupRequest.ofNodes(target, width), alpha);
    }

    private LookupResult walk(FakeSwarm swarm, Contact asker, LookupRequest request, int alpha) {
        NodeId target = request.target();
        var machine = new IterativeLookup(request, asker.id(), swarm.seeds(asker, target), alpha, lifetimes);
        List<Contact> inFlight = new ArrayList<>(machine.next());
        while (!machine.isDone()) {
            assertThat(inFlight).hasSizeBetween(1, alpha);
            Contact contact = inFlight.remove(random.nextInt(inFlight.size()));
            if (swarm.isDead(contact)) {
                machine.failed(contact.id());
            } else {
                machine.answered(contact.id(), swarm.find(contact, asker, target));
            }
            inFlight.addAll(machine.next());
        }
        return machine.result();
    }

    private static FakeSwarm withSomeDead(FakeSwarm swarm, int percent, Random random) {
        swarm.contacts().stream()
                .skip(1)
                .filter(contact -> random.nextInt(100) < percent)
                .forEach(swarm::kill);
        return swarm;
    }

    @ParameterizedTest
    @CsvSource({"0,1", "0,3", "30,1", "60,1"})
    void walk_withSomePeersDead_findsWhatTheNaiveLookupFinds(int percentDead, int alpha) {
        FakeSwarm swarm = withSomeDead(new FakeSwarm(400, 8, random), percentDead, random);
        Contact asker = swarm.contacts().get(0);

        for (int i = 0; i < 50; i++) {
            NodeId target = FakeSwarm.randomId(random);
            assertThat(walk(swarm, asker, target, 8, alpha).closest())
                    .containsExactlyElementsOf(NaiveLookup.run(swarm, asker, target, 8));
        }
    }

    @Test
    void walk_askingSeveralAtOnceWithSomePeersDead_findsNoFewerOfTheTrulyNearest() {
        FakeSwarm swarm = withSomeDead(new FakeSwarm(400, 8, random), 30, random);
        Contact asker = swarm.contacts().get(0);
        int found = 0;
        int foundNaively = 0;

        for (int i = 0; i < 50; i++) {
            NodeId target = FakeSwarm.randomId(random);
            List<Contact> truth = swarm.nearestAlive(target, asker, 8);
            found += overlap(truth, walk(swarm, asker, target, 8, ALPHA).closest());
            foundNaively += overlap(truth, NaiveLookup.run(swarm, asker, target, 8));
        }

        assertThat(found).isGreaterThanOrEqualTo(foundNaively).isGreaterThan(50 * 8 * 9 / 10);
    }

    private static int overlap(List<Contact> left, List<Contact> right) {
        return (int) left.stream().filter(right::contains).count();
    }

    @Test
    void walk_withAllAlive_findsTheTrulyNearestInFewMessages() {
        var swarm = new FakeSwarm(1_000, 20, random);
        Contact asker = swarm.contacts().get(0);
        int messages = 0;

        for (int i = 0; i < 100; i++) {
            NodeId target = FakeSwarm.randomId(random);
            LookupResult result = walk(swarm, asker, target, 20, ALPHA);
            assertThat(result.closest()).isEqualTo(swarm.nearestAlive(target, asker, 20));
            assertThat(result.stats().hops()).isBetween(1, 5);
            messages += result.stats().messages();
        }

        assertThat(messages / 100.0).isLessThanOrEqualTo(25);
    }

    @Test
    void walk_withTwoConfirmations_findsTheTrulyNearestInFarFewerMessages() {
        var swarm = new FakeSwarm(1_000, 20, random);
        Contact asker = swarm.contacts().get(0);
        int messages = 0;

        for (int i = 0; i < 100; i++) {
            NodeId target = FakeSwarm.randomId(random);
            LookupResult result = walk(swarm, asker, LookupRequest.ofNodes(target, 9, 2), ALPHA);
            assertThat(result.closest()).isEqualTo(swarm.nearestAlive(target, asker, 9));
            messages += result.stats().messages();
        }

        assertThat(messages / 100.0).isLessThanOrEqualTo(6);
    }

    @Test
    void isDone_withEnoughConfirmations_tellsOfPeersThatWereNotAsked() {
        List<Contact> seeds = contacts(8);
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5, 2), seeds);
        assertThat(lookup.next()).isEqualTo(seeds.subList(0, 2));

        lookup.answered(seeds.get(0).id(), contacts());
        assertThat(lookup.isDone()).isFalse();
        lookup.answered(seeds.get(1).id(), contacts());

        assertThat(lookup.isDone()).isTrue();
        assertThat(lookup.result().closest()).isEqualTo(seeds.subList(0, 5));
    }

    @Test
    void slow_ofAPeerThatWasToConfirm_letsAllOfTheNearestConfirm() {
        List<Contact> seeds = contacts(8);
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5, 2), seeds);
        lookup.next();

        lookup.slow(seeds.get(0).id());

        assertConfirmedByAll(lookup, seeds);
    }

    @Test
    void failed_ofAPeerThatWasToConfirm_letsAllOfTheNearestConfirm() {
        List<Contact> seeds = contacts(8);
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5, 2), seeds);
        lookup.next();

        lookup.failed(seeds.get(0).id());

        assertConfirmedByAll(lookup, seeds);
    }

    /** The first of them is gone, the second is being asked. */
    private static void assertConfirmedByAll(IterativeLookup lookup, List<Contact> seeds) {
        List<Contact> asked = new ArrayList<>(List.of(seeds.get(1)));
        asked.addAll(lookup.next());
        for (int i = 0; i < asked.size(); i++) {
            assertThat(lookup.isDone()).isFalse();
            lookup.answered(asked.get(i).id(), contacts());
            asked.addAll(lookup.next());
        }
        assertThat(lookup.isDone()).isTrue();
        assertThat(lookup.result().closest()).isEqualTo(seeds.subList(1, 6)).isEqualTo(asked);
    }

    @Test
    void next_withManyCandidates_asksTheNearestAlphaOfThem() {
        List<Contact> seeds = contacts(10);

        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5), seeds);

        assertThat(lookup.next()).isEqualTo(seeds.subList(0, ALPHA));
        assertThat(lookup.next()).isEmpty();
    }

    @Test
    void slow_ofAPeer_freesItsSlotButTakesItsAnswer() {
        List<Contact> seeds = contacts(5);
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5), seeds);
        lookup.next();

        lookup.slow(seeds.get(0).id());
        assertThat(lookup.next()).containsExactly(seeds.get(3));
        lookup.answered(seeds.get(0).id(), contacts());

        assertThat(lookup.result().closest()).containsExactly(seeds.get(0));
        assertThat(lookup.result().stats().timeouts()).isEqualTo(1);
    }

    @Test
    void isDone_withEnoughAnswers_doesNotWaitForTheSlow() {
        List<Contact> seeds = contacts(3);
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 2), seeds);
        lookup.next();

        lookup.slow(seeds.get(0).id());
        lookup.next();
        lookup.answered(seeds.get(1).id(), contacts());
        assertThat(lookup.isDone()).isFalse();
        lookup.answered(seeds.get(2).id(), contacts());

        assertThat(lookup.isDone()).isTrue();
        assertThat(lookup.result().closest()).containsExactly(seeds.get(1), seeds.get(2));
    }

    @Test
    void isDone_withFewPeers_waitsForTheSlowUntilTheyFail() {
        List<Contact> seeds = contacts(2);
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5), seeds);
        lookup.next();
        lookup.answered(seeds.get(1).id(), contacts());
        lookup.slow(seeds.get(0).id());

        assertThat(lookup.isDone()).isFalse();
        lookup.failed(seeds.get(0).id());

        assertThat(lookup.isDone()).isTrue();
    }

    @Test
    void isDone_withoutSeeds_isAtOnce() {
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5), List.of());

        assertThat(lookup.next()).isEmpty();
        assertThat(lookup.isDone()).isTrue();
        assertThat(lookup.result().stats()).isEqualTo(new LookupStats(0, 0, 0, 0, 0));
    }

    @Test
    void answered_withTheAskerAndClientOnlyPeers_asksNeither() {
        List<Contact> seeds = contacts(1);
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5), seeds);
        lookup.next();

        lookup.answered(
                seeds.get(0).id(),
                contacts(
                        new Contact(SELF, List.of(new PeerAddress("127.0.0.1", 1))),
                        new Contact(FakeSwarm.randomId(random), List.of())));

        assertThat(lookup.next()).isEmpty();
        assertThat(lookup.isDone()).isTrue();
    }

    @Test
    void answered_twice_countsOnce() {
        List<Contact> seeds = contacts(1);
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 5), seeds);
        lookup.next();

        lookup.answered(seeds.get(0).id(), contacts());
        lookup.answered(seeds.get(0).id(), contacts());
        lookup.failed(seeds.get(0).id());

        assertThat(lookup.result().stats()).isEqualTo(new LookupStats(1, 1, 1, 0, 0));
    }

    @Test
    void next_againstPeersThatInventNearerOnes_endsAfterABoundedNumberOfMessages() {
        List<Contact> inventions = contacts(2_000);
        int next = inventions.size() - 1;
        IterativeLookup lookup = lookup(LookupRequest.ofNodes(TARGET, 20), List.of(inventions.get(next)));
        int messages = 0;
        List<Contact> toAsk = lookup.next();
        while (!toAsk.isEmpty()) {
            messages += toAsk.size();
            for (Contact contact : toAsk) {
                next = Math.max(0, next - 2);
                lookup.answered(contact.id(), contacts(inventions.get(next), inventions.get(next + 1)));
            }
            toAsk = lookup.next();
        }

        assertThat(lookup.isDone()).isTrue();
        assertThat(messages).isLessThanOrEqualTo(512);
    }

    @Test
    void answered_withASufficientValue_endsTheLookup() {
        List<Contact> seeds = contacts(8);
        IterativeLookup lookup = lookup(LookupRequest.ofValue(TARGET, 8, clock.instant(), null), seeds);
        lookup.next();

        lookup.answered(seeds.get(0).id(), value(plain("v", 10)));

        assertThat(lookup.isDone()).isTrue();
        assertThat(lookup.next()).isEmpty();
        assertThat(lookup.result().value()).isEqualTo(plain("v", 10));
    }

    @Test
    void next_withASufficientValueKnown_asksNobody() {
        IterativeLookup lookup = lookup(LookupRequest.ofValue(TARGET, 8, clock.instant(), plain("v", 10)), contacts(8));

        assertThat(lookup.next()).isEmpty();
        assertThat(lookup.isDone()).isTrue();
    }

    @Test
    void answered_forTheLatest_takesTheNewestOfAll() {
        List<Contact> seeds = contacts(3);
        IterativeLookup lookup = lookup(LookupRequest.ofValue(TARGET, 3, Instant.MAX, plain("own", 5)), seeds);
        lookup.next();

        lookup.answered(seeds.get(0).id(), value(plain("old", 10)));
        lookup.answered(seeds.get(1).id(), value(plain("new", 20)));
        assertThat(lookup.isDone()).isFalse();
        lookup.answered(seeds.get(2).id(), value(plain("older", 1)));

        assertThat(lookup.isDone()).isTrue();
        assertThat(lookup.result().value()).isEqualTo(plain("new", 20));
    }

    @Test
    void answered_withEverMoreSubkeys_staysWithinTheBoundsOfADictionary() {
        List<Contact> contacts = contacts(20);
        var machine = lookup(LookupRequest.ofValue(TARGET, 20, Instant.MAX, null), contacts);
        for (Contact contact : contacts) {
            SortedMap<ByteString, PlainRecord> entries = DictionaryRecord.emptyEntries();
            for (int i = 0; i < 200; i++) {
                entries.put(ByteString.copyFromUtf8(contact.id() + "/" + i), plain("x".repeat(i), 10));
            }
            machine.next();
            machine.answered(contact.id(), value(DictionaryRecord.of(entries)));
        }

        DhtValue found = machine.result().value();

        assertThat(machine.result().stats().answers()).isEqualTo(20);
        assertThat(found.recordCount()).isLessThanOrEqualTo(DictionaryRecord.MAX_ENTRIES);
        assertThat(found.sizeBytes()).isLessThanOrEqualTo(DictionaryRecord.MAX_BYTES);
    }

    @Test
    void answered_withDictionaries_mergesThem() {
        List<Contact> seeds = contacts(3);
        IterativeLookup lookup = lookup(LookupRequest.ofValue(TARGET, 3, Instant.MAX, null), seeds);
        lookup.next();

        IntStream.range(0, 3).forEach(i -> lookup.answered(seeds.get(i).id(), value(dictionary("s" + i, "v", 10 + i))));

        assertThat(((DictionaryRecord) lookup.result().value()).entries()).hasSize(3);
    }

    @Test
    void answered_withAnExpiredOrEndlessValue_ignoresIt() {
        List<Contact> seeds = contacts(2);
        IterativeLookup lookup = lookup(LookupRequest.ofValue(TARGET, 2, clock.instant(), null), seeds);
        lookup.next();

        lookup.answered(seeds.get(0).id(), value(plain("expired", -1)));
        lookup.answered(seeds.get(1).id(), value(plain("endless", 1_000_000)));

        assertThat(lookup.isDone()).isTrue();
        assertThat(lookup.result().value()).isNull();
    }
}
