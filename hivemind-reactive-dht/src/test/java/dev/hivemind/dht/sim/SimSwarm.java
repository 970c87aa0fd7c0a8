package dev.hivemind.dht.sim;

import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.DhtNodeBuilder;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Real nodes on a simulated network. */
public final class SimSwarm {

    /** Far longer than anything takes. */
    public static final Duration LONG = Duration.ofMinutes(10);

    private final SimNetwork network;
    private final SplittableRandom random;
    private final UnaryOperator<DhtNodeBuilder> settings;
    private final List<Member> members = new ArrayList<>();

    /** A node and its end of the network. */
    public record Member(DhtNode node, SimTransport transport) {

        /** Where it lies. */
        public NodeId place() {
            return NodeId.of(node.id());
        }
    }

    public SimSwarm(long seed, UnaryOperator<DhtNodeBuilder> settings) {
        this.network = new SimNetwork(seed);
        this.random = new SplittableRandom(seed + 1);
        this.settings = settings;
    }

    public SimNetwork network() {
        return network;
    }

    public SimScheduler time() {
        return network.scheduler();
    }

    public SplittableRandom random() {
        return random;
    }

    public List<Member> members() {
        return members;
    }

    public DhtNode node(int index) {
        return members.get(index).node();
    }

    /** Anyone of those alive. */
    public Member anyone() {
        Member member = members.get(random.nextInt(members.size()));
        return member.transport().isDead() ? anyone() : member;
    }

    /** The description of a node at an end of the network. */
    public DhtNodeBuilder describe(SimTransport transport, Duration skew) {
        return settings.apply(
                DhtNode.builder(transport).scheduler(time()).resultsOn(time()).clock(time().clock(skew)));
    }

    /** A node that has not been started. */
    public Member member(DhtNode node, SimTransport transport) {
        Member member = new Member(node, transport);
        members.add(member);
        return member;
    }

    /** So many more nodes that listen; each enters through an earlier one, and a few of them at a time. */
    public SimSwarm grow(int count) {
        int missing = count;
        while (missing > 0) {
            int now = Math.min(missing, Math.max(1, members.size() / 8));
            List<Mono<DhtNode>> starts = new ArrayList<>();
            for (int i = 0; i < now; i++) {
                starts.add(
                        entering(network.listening(network.identity())).node().start());
            }
            awaitAll(Flux.merge(starts));
            missing -= now;
        }
        return this;
    }

    /** A node that enters through one of those alive. */
    public Member join(SimTransport transport) {
        Member member = entering(transport);
        await(member.node().start());
        return member;
    }

    private Member entering(SimTransport transport) {
        DhtNodeBuilder builder = describe(transport, Duration.ZERO);
        if (!members.isEmpty()) {
            builder.initialPeers(started().node().addresses());
        }
        return member(builder.build(), transport);
    }

    private Member started() {
        Member member = anyone();
        return time().await(member.node().snapshot(), LONG).contacts() > 0 || members.size() == 1 ? member : started();
    }

    /** A client that enters through one of those alive. */
    public Member joinAsClient() {
        return join(network.dialling(PeerIdentity.generate()));
    }

    /** The value, in virtual time. */
    public <T> T await(Mono<T> mono) {
        return time().await(mono, LONG);
    }

    /** All values, in virtual time. */
    public <T> List<T> awaitAll(Flux<T> flux) {
        return time().await(flux.collectList(), LONG);
    }

    /** Kills a share of those alive, at once. */
    public void kill(double share) {
        int count = (int) Math.round(share
                * members.stream()
                        .filter(member -> !member.transport().isDead())
                        .count());
        for (int i = 0; i < count; i++) {
            anyone().transport().kill();
        }
    }

    /** Those alive that are nearest to an id. */
    public List<Member> nearest(NodeId target, int count) {
        return members.stream()
                .filter(member -> !member.transport().isDead())
                .sorted(Comparator.comparing(Member::place, target::compareDistance))
                .limit(count)
                .toList();
    }

    /** Ends all nodes. */
    public void close() {
        members.forEach(member -> await(member.node().close()));
    }
}
