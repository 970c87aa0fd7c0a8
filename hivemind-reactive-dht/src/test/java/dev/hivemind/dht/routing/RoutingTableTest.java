package dev.hivemind.dht.routing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.routing.Offer.Outcome;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.testkit.ManualClock;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RoutingTableTest {

    private static final List<PeerAddress> ADDRESSES = List.of(new PeerAddress("127.0.0.1", 1));

    private final ManualClock clock = new ManualClock();
    private final Random random = new Random(11);
    private final NodeId self = randomId();

    private NodeId randomId() {
        return new NodeId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    }

    private Contact contact() {
        return new Contact(randomId(), ADDRESSES);
    }

    /** A contact in the half of the space in which the owner is not. */
    private Contact farContact() {
        return Stream.generate(this::contact)
                .filter(contact -> contact.id().commonPrefixLength(self) == 0)
                .findFirst()
                .orElseThrow();
    }

    private List<Contact> fill(RoutingTable table, int count) {
        List<Contact> contacts = Stream.generate(this::contact).limit(count).toList();
        contacts.forEach(table::offer);
        return contacts;
    }

    private static List<Contact> bruteForce(List<Contact> contacts, NodeId target, int count) {
        return contacts.stream().sorted(target.nearestFirst()).limit(count).toList();
    }

    private static List<Contact> all(RoutingTable table) {
        List<Contact> all = new ArrayList<>();
        table.buckets().forEach(bucket -> all.addAll(bucket.contacts()));
        return all;
    }

    @Test
    void offer_ofAHundred_keepsAllInAFewBuckets() {
        var table = new RoutingTable(self, 20, 5, clock::millis);

        fill(table, 100);

        assertThat(table.bucketCount()).isBetween(3, 10);
        assertThat(table.replacementCount()).isZero();
        assertThat(table.size()).isEqualTo(100);
    }

    @ParameterizedTest
    @CsvSource({"20,5,45,65", "50,5,35,45", "20,10,650,800", "20,1,7,15"})
    void offer_ofTenThousand_splitsByTheRules(int bucketSize, int depthModulo, int fewest, int most) {
        var table = new RoutingTable(self, bucketSize, depthModulo, clock::millis);

        fill(table, 10_000);

        assertThat(table.bucketCount()).isBetween(fewest, most);
    }

    @Test
    void offer_ofTenThousand_boundsContactsAndReplacements() {
        var table = new RoutingTable(self, 20, 5, clock::millis);

        fill(table, 10_000);

        assertThat(table.size()).isBetween(800, 1_100);
        assertThat(table.replacementCount()).isLessThanOrEqualTo(20 * table.bucketCount());
    }

    @Test
    void buckets_afterManySplits_coverTheSpaceWithoutGapOrOverlap() {
        var table = new RoutingTable(self, 5, 3, clock::millis);
        fill(table, 2_000);

        BigInteger next = BigInteger.ZERO;
        for (KBucket bucket : table.buckets()) {
            assertThat(new BigInteger(1, bucket.lower().toBytes())).isEqualTo(next);
            next = next.add(BigInteger.ONE.shiftLeft(NodeId.BITS - bucket.depth()));
            assertThat(bucket.contacts()).allMatch(contact -> bucket.covers(contact.id()));
        }
        assertThat(next).isEqualTo(BigInteger.ONE.shiftLeft(NodeId.BITS));
    }

    @Test
    void split_ofAnIdAtTheMidpoint_putsItIntoTheRightHalf() {
        NodeId midpoint = NodeId.ZERO.withBit(0);
        var bucket = new KBucket(NodeId.ZERO, 0, 20);
        bucket.add(new Contact(midpoint, ADDRESSES), 0);

        List<KBucket> halves = bucket.split();

        assertThat(halves.get(0).size()).isZero();
        assertThat(halves.get(1).contains(midpoint)).isTrue();
        assertThat(halves.get(1).lower()).isEqualTo(midpoint);
    }

    @Test
    void refresh_ofAStranger_changesNothing() {
        var table = new RoutingTable(self, 20, 5, clock::millis);

        assertThat(table.refresh(contact())).isFalse();
        assertThat(table.size()).isZero();
    }

    @Test
    void refresh_ofAContact_countsAsAnAnswer() {
        var table = new RoutingTable(self, 20, 5, clock::millis);
        Contact contact = fill(table, 1).get(0);
        table.fail(contact);

        assertThat(table.refresh(contact)).isTrue();
        assertThat(table.closestResponsive(self, 1, self)).containsExactly(contact);
    }

    @Test
    void closest_toAnyTarget_equalsBruteForce() {
        var table = new RoutingTable(self, 20, 5, clock::millis);
        fill(table, 3_000);
        List<Contact> all = all(table);

        for (int i = 0; i < 1_000; i++) {
            NodeId target = i % 3 == 0 ? all.get(random.nextInt(all.size())).id() : randomId();
            int count = 1 + random.nextInt(100);
            assertThat(table.closest(target, count)).isEqualTo(bruteForce(all, target, count));
        }
    }

    @Test
    void closestResponsive_withoutTheAsker_equalsBruteForce() {
        var table = new RoutingTable(self, 20, 5, clock::millis);
        fill(table, 1_000);
        List<Contact> all = all(table);

        for (int i = 0; i < 300; i++) {
            Contact asker = all.get(random.nextInt(all.size()));
            int count = 1 + random.nextInt(50);
            List<Contact> others =
                    all.stream().filter(contact -> !contact.equals(asker)).toList();
            assertThat(table.closestResponsive(asker.id(), count, asker.id()))
                    .isEqualTo(bruteForce(others, asker.id(), count));
        }
    }

    @Test
    void isAmongNearest_ofAnyTarget_equalsBruteForce() {
        var table = new RoutingTable(self, 20, 1, clock::millis);
        fill(table, 300);
        List<Contact> all = all(table);

        for (int i = 0; i < 500; i++) {
            NodeId target = i % 2 == 0
                    ? randomId()
                    : self.prefix(i % 16)
                            .distance(randomId().distance(randomId().prefix(i % 16)));
            int count = 1 + random.nextInt(60);
            long nearer = all.stream()
                    .filter(contact -> target.compareDistance(contact.id(), self) < 0)
                    .count();

            assertThat(table.isAmongNearest(target, count)).isEqualTo(nearer < count);
        }
    }

    @Test
    void neighbourhoodBits_ofAnyPeer_coverAllThatItMayBeNearestTo() {
        var table = new RoutingTable(self, 20, 1, clock::millis);
        fill(table, 300);
        List<Contact> all = all(table);
        for (int i = 0; i < 2_000; i++) {
            NodeId newcomer = i % 2 == 0
                    ? randomId()
                    : all.get(random.nextInt(all.size())).id();
            NodeId target = randomId();
            long nearer = all.stream()
                    .filter(contact -> target.compareDistance(contact.id(), newcomer) < 0)
                    .count();

            if (nearer + (target.compareDistance(self, newcomer) < 0 ? 1 : 0) < 8) {
                assertThat(target.commonPrefixLength(newcomer))
                        .isGreaterThanOrEqualTo(table.neighbourhoodBits(newcomer, 8));
            }
        }
    }

    @Test
    void offer_ofTheOwner_isRejected() {
        var table = new RoutingTable(self, 20, 1, clock::millis);

        assertThat(table.offer(new Contact(self, ADDRESSES)).outcome()).isEqualTo(Outcome.REJECTED);
        assertThat(table.size()).isZero();
    }

    @Test
    void offer_ofAClientOnlyPeer_isRejected() {
        var table = new RoutingTable(self, 20, 1, clock::millis);

        assertThat(table.offer(new Contact(randomId(), List.of())).outcome()).isEqualTo(Outcome.REJECTED);
        assertThat(table.size()).isZero();
    }

    @Test
    void offer_ofAKnownContact_takesItsNewAddresses() {
        var table = new RoutingTable(self, 20, 1, clock::millis);
        Contact contact = contact();
        table.offer(contact);
        var moved = new Contact(contact.id(), List.of(new PeerAddress("127.0.0.1", 2)));

        assertThat(table.offer(moved).outcome()).isEqualTo(Outcome.UPDATED);
        assertThat(table.closest(contact.id(), 1)).containsExactly(moved);
    }

    @Test
    void offer_toAFullBucket_questionsTheLeastRecentlySeen() {
        var table = new RoutingTable(self, 2, 1, clock::millis);
        Contact first = farContact();
        Contact second = farContact();
        table.offer(first);
        table.offer(second);
        table.offer(first);
        clock.advance(Duration.ofMinutes(1));

        Offer offer = table.offer(farContact());

        assertThat(offer).isEqualTo(new Offer(Outcome.REPLACEMENT, second));
        assertThat(table.offer(farContact()).questionable()).isEqualTo(first);
        assertThat(table.offer(farContact()).questionable()).isNull();
    }

    @Test
    void offer_toAFullBucketWhoseContactsAnsweredLately_questionsNobody() {
        var table = new RoutingTable(self, 2, 1, clock::millis);
        table.offer(farContact());
        clock.advance(Duration.ofSeconds(59));
        table.offer(farContact());

        assertThat(table.offer(farContact())).isEqualTo(new Offer(Outcome.REPLACEMENT, null));
    }

    @Test
    void offer_toAFullBucketWithAContactWhoseLastCallFailed_questionsThatOne() {
        var table = new RoutingTable(self, 2, 1, clock::millis);
        Contact failing = farContact();
        table.offer(farContact());
        table.offer(failing);
        table.fail(failing);

        assertThat(table.offer(farContact()).questionable()).isEqualTo(failing);
    }

    @Test
    void offer_toAFullBucketAfterAReplacementTookAPlace_questionsTheReplacement() {
        var table = new RoutingTable(self, 2, 1, clock::millis);
        Contact dead = farContact();
        Contact other = farContact();
        Contact replacement = farContact();
        List.of(dead, other, replacement).forEach(table::offer);
        clock.advance(Duration.ofMinutes(2));
        table.offer(other);
        table.fail(dead);
        table.fail(dead);

        assertThat(table.offer(farContact()).questionable()).isEqualTo(replacement);
    }

    @Test
    void offer_ofAContactThatBecameClientOnly_forgetsIt() {
        var table = new RoutingTable(self, 20, 1, clock::millis);
        Contact contact = contact();
        table.offer(contact);

        Offer offer = table.offer(new Contact(contact.id(), List.of()));

        assertThat(offer.outcome()).isEqualTo(Outcome.REJECTED);
        assertThat(table.contains(contact.id())).isFalse();
    }

    @Test
    void offer_toAFullBucketWhoseOldestAnswers_keepsTheOldest() {
        var table = new RoutingTable(self, 1, 1, clock::millis);
        Contact old = farContact();
        Contact newcomer = farContact();
        table.offer(old);
        table.offer(newcomer);

        table.offer(old);

        assertThat(table.contains(old.id())).isTrue();
        assertThat(table.contains(newcomer.id())).isFalse();
    }

    @Test
    void fail_once_keepsTheContactButTellsNobody() {
        var table = new RoutingTable(self, 20, 1, clock::millis);
        Contact contact = contact();
        table.offer(contact);

        assertThat(table.fail(contact)).isFalse();

        assertThat(table.closest(self, 1)).containsExactly(contact);
        assertThat(table.closestResponsive(self, 1, self)).isEmpty();
    }

    @Test
    void fail_twiceWithAnAnswerBetween_keepsTheContact() {
        var table = new RoutingTable(self, 20, 1, clock::millis);
        Contact contact = contact();
        table.offer(contact);

        table.fail(contact);
        table.offer(contact);
        table.fail(contact);

        assertThat(table.contains(contact.id())).isTrue();
    }

    @Test
    void fail_twiceInARow_promotesTheNewestReplacement() {
        var table = new RoutingTable(self, 1, 1, clock::millis);
        Contact dead = farContact();
        Contact older = farContact();
        Contact newer = farContact();
        List.of(dead, older).forEach(table::offer);
        var full = new RoutingTable(self, 2, 1, clock::millis);
        List.of(dead, farContact(), older, newer).forEach(full::offer);

        full.fail(dead);
        assertThat(full.fail(dead)).isTrue();

        assertThat(full.contains(dead.id())).isFalse();
        assertThat(full.contains(newer.id())).isTrue();
        assertThat(full.contains(older.id())).isFalse();
    }

    @Test
    void fail_ofAReplacement_dropsIt() {
        var table = new RoutingTable(self, 1, 1, clock::millis);
        Contact dead = farContact();
        Contact replacement = farContact();
        table.offer(dead);
        table.offer(replacement);

        table.fail(replacement);
        table.fail(dead);
        table.fail(dead);

        assertThat(table.size()).isZero();
    }

    @Test
    void fail_atOtherAddressesThanTheKnown_provesNothing() {
        var table = new RoutingTable(self, 20, 1, clock::millis);
        Contact contact = contact();
        table.offer(contact);
        var elsewhere = new Contact(contact.id(), List.of(new PeerAddress("203.0.113.66", 6666)));

        table.fail(elsewhere);
        table.fail(elsewhere);

        assertThat(table.closestResponsive(self, 1, self)).containsExactly(contact);
    }
}
