package dev.hivemind.moe.gating;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;

/** Searches among peers and experts some of which are left alone. */
class BeamSearchBansTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final Grids swarm = new Grids();

    private BeamSearch search(String grid) {
        return BeamSearch.create(ExpertGrid.parse(grid), swarm::owners, Lifetimes.DEFAULT, System::nanoTime);
    }

    private static List<String> names(Routing routing) {
        return routing.uids(0).stream().map(ExpertUid::value).toList();
    }

    private static Availability available(Predicate<PeerId> peers, BiPredicate<ExpertUid, PeerId> experts) {
        return new Availability() {
            @Override
            public boolean isAvailable(PeerId peer) {
                return peers.test(peer);
            }

            @Override
            public boolean isAvailable(ExpertUid expert, PeerId peer) {
                return experts.test(expert, peer);
            }
        };
    }

    /** Bans of experts, and of a peer, that end after so many seconds. */
    private static Availability bans(Map<String, Integer> experts, int otherOwner) {
        return new Availability() {
            @Override
            public boolean isAvailable(PeerId peer) {
                return banOf(peer).isZero();
            }

            @Override
            public boolean isAvailable(ExpertUid expert, PeerId peer) {
                return banOf(expert, peer).isZero();
            }

            @Override
            public Duration banOf(PeerId peer) {
                return Duration.ofSeconds(peer.equals(Grids.OTHER_OWNER) ? otherOwner : 0);
            }

            @Override
            public Duration banOf(ExpertUid expert, PeerId peer) {
                return Duration.ofSeconds(experts.getOrDefault(expert.value(), 0));
            }
        };
    }

    @Test
    void find_withoutSomePeersAndExperts_goesAroundThem() {
        swarm.declare("ffn.0.0", "ffn.1.1").declare(Grids.expert("ffn.0.1", Grids.OTHER_OWNER));
        Availability availability = available(
                peer -> !peer.equals(Grids.OTHER_OWNER),
                (expert, peer) -> !expert.value().equals("ffn.1.1"));

        Routing found =
                search("ffn.[0:2].[0:2]").find(new float[4], 3, availability).block(TIMEOUT);

        assertThat(names(found)).containsExactly("ffn.0.0");
    }

    @Test
    void find_ofALearningExpertWhoseOwnerIsLeftAlone_doesNotCallAnEarlierOwner() {
        swarm.declare(Grids.expert("ffn.0", Grids.OTHER_OWNER)).declare("ffn.0", "ffn.1");
        Availability availability = available(peer -> !peer.equals(Grids.OTHER_OWNER), (expert, peer) -> true);

        Routing found = search("ffn.[0:2]").find(new float[2], 2, availability).block(TIMEOUT);

        assertThat(names(found)).containsExactly("ffn.1");
    }

    /** It was declared as one that does not learn. */
    @Test
    void find_ofAnExpertThatIsLeftAloneAtOneOwner_findsTheOther() {
        var both = List.of(frozen(Grids.OWNER), frozen(Grids.OTHER_OWNER));
        both.forEach(swarm::declare);
        Availability availability = available(peer -> true, (expert, peer) -> !peer.equals(Grids.OTHER_OWNER));

        Routing found = search("ffn.[0:2]").find(new float[2], 1, availability).block(TIMEOUT);

        assertThat(found.experts()).containsExactly(both.subList(0, 1));
    }

    private static ExpertDescriptor frozen(PeerId owner) {
        ExpertDescriptor learning = Grids.expert("ffn.0", owner);
        return new ExpertDescriptor(learning.uid(), owner, learning.addresses());
    }

    @Test
    void find_whereEveryExpertIsLeftAlone_takesThoseWhoFailedTheLongestAgo() {
        swarm.declare("ffn.0.0", "ffn.0.1", "ffn.1.0").declare(Grids.expert("ffn.1.1", Grids.OTHER_OWNER));
        var bans = bans(Map.of("ffn.0.0", 9, "ffn.0.1", 3, "ffn.1.0", 8, "ffn.1.1", 1), 7);

        Routing found = search("ffn.[0:2].[0:2]").find(new float[4], 2, bans).block(TIMEOUT);

        assertThat(names(found)).containsExactlyInAnyOrder("ffn.0.1", "ffn.1.1");
    }

    @Test
    void find_whereEveryPeerIsLeftAlone_takesThoseWhoFailedTheLongestAgo() {
        swarm.declare(Grids.expert("ffn.0.0", Grids.OTHER_OWNER));

        Routing found = search("ffn.[0:2].[0:2]")
                .find(new float[4], 2, bans(Map.of(), 5))
                .block(TIMEOUT);

        assertThat(names(found)).containsExactly("ffn.0.0");
    }

    @Test
    void find_whereNobodyMayEverBeCalled_isUnavailable() {
        swarm.declare("ffn.0", "ffn.1");

        search("ffn.[0:2]")
                .find(new float[2], 1, available(peer -> true, (expert, peer) -> false))
                .as(StepVerifier::create)
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(PeerUnavailableException.class)
                        .hasMessageContaining("Nobody below 'ffn.' may be called"))
                .verify(TIMEOUT);
    }

    /** A ban that begins while a search is under way. */
    @Test
    void find_whileBansBegin_keepsToWhatItHeardFirst() {
        swarm.declare("ffn.0").declare(Grids.expert("ffn.0", Grids.OTHER_OWNER));
        Set<PeerId> asked = new HashSet<>();
        Availability availability = available(asked::add, (expert, peer) -> true);

        Routing found = search("ffn.[0:2]").find(new float[2], 1, availability).block(TIMEOUT);

        assertThat(found.experts().get(0).get(0).peerId()).isEqualTo(Grids.OWNER);
    }
}
