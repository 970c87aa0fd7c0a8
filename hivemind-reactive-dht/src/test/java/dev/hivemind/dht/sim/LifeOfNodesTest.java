package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.DhtNodeBuilder;
import dev.hivemind.dht.DhtSnapshot;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;

/** How nodes find and keep each other, in virtual time. */
class LifeOfNodesTest {

    private final SimSwarm swarm = new SimSwarm(21, node -> node);

    @AfterEach
    void close() {
        swarm.close();
    }

    private Member start(List<Member> doors, Duration skew) {
        SimTransport transport = swarm.network().listening(swarm.network().identity());
        DhtNodeBuilder builder = swarm.describe(transport, skew);
        builder.initialPeers(
                doors.stream().flatMap(door -> door.node().addresses().stream()).toList());
        Member member = swarm.member(builder.build(), transport);
        swarm.await(member.node().start());
        return member;
    }

    private DhtSnapshot snapshot(Member member) {
        return swarm.await(member.node().snapshot());
    }

    @Test
    void swarms_thatShareOneSeedOnlyLater_becomeOne() {
        Member left = start(List.of(), Duration.ZERO);
        Member right = start(List.of(left), Duration.ZERO);
        swarm.network()
                .cut((from, to) ->
                        from.equals(left.node().id()) != to.equals(left.node().id()));
        for (int i = 0; i < 4; i++) {
            start(List.of(right), Duration.ZERO);
        }
        swarm.time().run(Duration.ofMinutes(10));
        assertThat(snapshot(left).contacts()).isZero();

        swarm.network().heal();
        swarm.time().run(Duration.ofMinutes(1));

        assertThat(swarm.members())
                .allMatch(
                        member -> snapshot(member).contacts() == swarm.members().size() - 1);
    }

    @Test
    void start_beforeItsInitialPeerAnswers_triesAgain() {
        Member door = start(List.of(), Duration.ZERO);
        door.transport().kill();
        SimTransport transport = swarm.network().listening(swarm.network().identity());
        DhtNode node = swarm.describe(transport, Duration.ZERO)
                .initialPeers(door.node().addresses())
                .build();
        swarm.member(node, transport);
        var started = node.start().toFuture();
        swarm.time().run(Duration.ofSeconds(3));
        door.transport().revive();

        assertThat(swarm.time().runUntil(started::isDone, SimSwarm.LONG)).isTrue();
        assertThat(started).isCompleted();
    }

    @Test
    void snapshot_ofANodeWithAWrongClock_tellsByHowMuch() {
        swarm.grow(20);
        Member early = start(List.of(swarm.members().get(3)), Duration.ofSeconds(-5));
        swarm.time().run(Duration.ofMinutes(3));

        assertThat(snapshot(early).clockSkew()).isBetween(Duration.ofMillis(4_500), Duration.ofMillis(5_500));
        assertThat(snapshot(swarm.members().get(3)).clockSkew().abs()).isLessThan(Duration.ofSeconds(1));
    }

    @Test
    void table_afterOthersDied_forgetsThemWithoutBeingUsed() {
        swarm.grow(10);
        swarm.members().subList(5, 10).forEach(member -> member.transport().kill());
        swarm.time().run(Duration.ofMinutes(15));

        assertThat(snapshot(swarm.members().get(0)).contacts()).isEqualTo(4);
    }

    @Test
    void findNearest_byALoneNode_findsNobody() {
        swarm.grow(1);

        assertThat(swarm.await(swarm.node(0).findNearest(DhtKey.of("key").target()))
                        .closest())
                .isEmpty();
    }

    @Test
    void findNearest_withABucketLargerThanTheDht_findsAllOthersNearestFirst() {
        NodeId target = DhtKey.of("key").target();
        var large = new SimSwarm(22, node -> node.bucketSize(100)).grow(21);
        Member asker = large.members().get(13);

        List<NodeId> found = large.await(asker.node().findNearest(target)).closest().stream()
                .map(Contact::id)
                .toList();

        assertThat(found)
                .isEqualTo(large.nearest(target, 21).stream()
                        .map(Member::place)
                        .filter(place -> !place.equals(asker.place()))
                        .toList());
        large.close();
    }

    @Test
    void findNearest_ofAnotherNodesPlace_findsThatNodeFirst() {
        swarm.grow(20);

        for (Member sought : swarm.members().subList(1, 20)) {
            assertThat(swarm.await(swarm.node(0).findNearest(sought.place()))
                            .closest()
                            .get(0)
                            .id())
                    .isEqualTo(sought.place());
        }
    }

    @Test
    void start_givenUpBeforeAnybodyAnswers_leavesNothingUnderWay() {
        Member door = start(List.of(), Duration.ZERO);
        door.transport().kill();
        SimTransport transport = swarm.network().listening(swarm.network().identity());
        DhtNode node = swarm.describe(transport, Duration.ZERO)
                .initialPeers(door.node().addresses())
                .build();
        swarm.member(node, transport);
        Disposable start = node.start().subscribe();
        swarm.time().run(Duration.ofMillis(100));
        assertThat(transport.requests(Operation.HELLO)).isOne();

        start.dispose();
        swarm.time().run(Duration.ofMinutes(5));

        assertThat(transport.requests(Operation.HELLO)).isOne();
        assertThat(transport.requests(Operation.DHT_PING)).isZero();
    }

    @Test
    void close_whileTheNodeStarts_failsTheStartAndLeavesNothingUnderWay() {
        Member door = start(List.of(), Duration.ZERO);
        door.transport().kill();
        SimTransport transport = swarm.network().listening(swarm.network().identity());
        DhtNode node = swarm.describe(transport, Duration.ZERO)
                .initialPeers(door.node().addresses())
                .build();
        var started = node.start().toFuture();
        swarm.time().run(Duration.ofMillis(100));

        swarm.await(node.close());
        swarm.time().run(Duration.ofMillis(100));

        assertThat(started).failsWithin(Duration.ZERO).withThrowableThat().withMessageContaining("is closed");
        long asked = transport.requests(Operation.HELLO);
        swarm.time().run(Duration.ofMinutes(5));
        assertThat(transport.requests(Operation.HELLO)).isEqualTo(asked);
    }

    @Test
    void table_ofANodeThatNobodyUses_isFilledAgainAndAgain() {
        var busy = new SimSwarm(23, node -> node.refreshPeriod(Duration.ofMinutes(1))).grow(40);
        SimTransport idle = busy.members().get(7).transport();
        busy.time().run(Duration.ofMinutes(2));

        for (int period = 0; period < 5; period++) {
            long before = idle.requests(Operation.DHT_FIND);
            busy.time().run(Duration.ofMinutes(2));
            assertThat(idle.requests(Operation.DHT_FIND)).isGreaterThan(before);
        }
        busy.close();
    }
}
