package dev.hivemind.moe.gating;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

class BeamSearchTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final Grids swarm = new Grids();
    private final ManualClock clock = new ManualClock();

    private BeamSearch search(String grid) {
        return search(grid, Lifetimes.DEFAULT, swarm::owners);
    }

    private BeamSearch search(
            String grid,
            Lifetimes lifetimes,
            Function<ExpertPrefix, Mono<SortedMap<Integer, List<ExpertDescriptor>>>> owners) {
        return BeamSearch.create(ExpertGrid.parse(grid), owners, lifetimes, clock::nanoTime);
    }

    private static List<String> names(Routing routing, int row) {
        return routing.uids(row).stream().map(ExpertUid::value).toList();
    }

    private static float[] random(SplittableRandom random, int count) {
        float[] scores = new float[count];
        for (int i = 0; i < count; i++) {
            scores[i] = (float) random.nextDouble(-1, 1);
        }
        return scores;
    }

    private static List<String> byBruteForce(ExpertGrid grid, Set<String> uids, float[] scores, int row, int kBest) {
        return uids.stream()
                .map(ExpertUid::new)
                .sorted(Comparator.comparingDouble((ExpertUid uid) -> -grid.score(uid, scores, row)))
                .limit(kBest)
                .map(ExpertUid::value)
                .toList();
    }

    @Test
    void find_inAFlatGrid_skipsIndicesWithoutExperts() {
        swarm.declare("expert.1", "expert.2", "expert.3", "expert.5");
        float[] ascending = {0, 1, 2, 3, 4, 5, 6, 7, 8};

        Routing found = search("expert.[0:9]").find(ascending, 2).block(TIMEOUT);

        assertThat(names(found, 0)).containsExactly("expert.5", "expert.3");
    }

    @Test
    void find_withFallingScores_takesTheFirstThatLive() {
        swarm.declare("expert.1", "expert.2", "expert.3");
        float[] falling = {3, 2, 1, 0, -1, -2, -3};

        Routing found = search("expert.[0:7]").find(falling, 3).block(TIMEOUT);

        assertThat(names(found, 0)).containsExactly("expert.1", "expert.2", "expert.3");
    }

    @Test
    void find_amongAllCellsOfABlock_equalsBruteForce() {
        Set<String> uids = new TreeSet<>();
        IntStream.range(0, 1000).forEach(i -> uids.add("ffn.%d.%d.%d".formatted(i / 100, i / 10 % 10, i % 10)));
        uids.forEach(swarm::declare);
        BeamSearch search = search("ffn.[0:32].[0:32].[0:32]");
        var random = new SplittableRandom(3);

        for (int round = 0; round < 25; round++) {
            float[] scores = random(random, 96);

            assertThat(names(search.find(scores, 4).block(TIMEOUT), 0))
                    .isEqualTo(byBruteForce(search.grid(), uids, scores, 0, 4));
        }
    }

    @Test
    void find_inAnyFlatGrid_equalsBruteForce() {
        var random = new SplittableRandom(5);
        for (int round = 0; round < 200; round++) {
            var directory = new Grids();
            Set<String> uids = new TreeSet<>();
            int cells = 1 + random.nextInt(20);
            IntStream.rangeClosed(0, random.nextInt(cells)).forEach(i -> uids.add("ffn." + random.nextInt(cells)));
            uids.forEach(directory::declare);
            ExpertGrid grid = ExpertGrid.of("ffn", cells);
            float[] scores = random(random, 3 * cells);
            int kBest = 1 + random.nextInt(cells);

            Routing found = BeamSearch.create(grid, directory::owners, Lifetimes.DEFAULT, clock::nanoTime)
                    .find(scores, kBest)
                    .block(TIMEOUT);

            for (int row = 0; row < 3; row++) {
                assertThat(names(found, row)).isEqualTo(byBruteForce(grid, uids, scores, row, kBest));
            }
        }
    }

    @Test
    void find_amongFewExpertsOfALargeGrid_fillsEveryRow() {
        var random = new SplittableRandom(9);
        for (int i = 0; i < 128; i++) {
            swarm.declare("ffn.%d.%d.%d".formatted(random.nextInt(32), random.nextInt(32), random.nextInt(32)));
        }

        Routing found = search("ffn.[0:32].[0:32].[0:32]")
                .find(random(random, 32 * 96), 4)
                .block(TIMEOUT);

        for (int row = 0; row < 32; row++) {
            assertThat(names(found, row)).hasSize(4).doesNotHaveDuplicates();
        }
    }

    @Test
    void find_forABatch_asksForEachPrefixOnce() {
        var random = new SplittableRandom(1);
        IntStream.range(0, 64).forEach(i -> swarm.declare("ffn.%d.%d".formatted(i / 8, i % 8)));

        search("ffn.[0:8].[0:8]").find(random(random, 64 * 16), 4).block(TIMEOUT);

        assertThat(swarm.asked())
                .allSatisfy(
                        prefix -> assertThat(swarm.questions(prefix.value())).isOne());
        assertThat(swarm.questions()).isBetween(5, 9);
    }

    @Test
    void find_again_asksAgainWhenWhatWasKnownHasExpired() {
        swarm.declare("ffn.1.1", "ffn.2.2");
        BeamSearch search = search("ffn.[0:4].[0:4]");
        float[] scores = new float[8];
        search.find(scores, 2).block(TIMEOUT);
        int first = swarm.questions();

        search.find(scores, 2).block(TIMEOUT);
        assertThat(swarm.questions()).isEqualTo(first);

        clock.advance(Lifetimes.DEFAULT.found());
        search.find(scores, 2).block(TIMEOUT);
        assertThat(swarm.questions()).isEqualTo(2 * first);
    }

    @Test
    void find_belowAnEmptyPrefix_remembersThatForAShorterWhile() {
        swarm.declare("ffn.1.1", "ffn.2.2");
        swarm.clear("ffn.2.");
        BeamSearch search = search("ffn.[0:4].[0:4]");
        float[] scores = new float[8];
        search.find(scores, 2).block(TIMEOUT);
        swarm.declare("ffn.2.3");

        search.find(scores, 2).block(TIMEOUT);
        assertThat(swarm.questions("ffn.2.")).isOne();

        clock.advance(Lifetimes.DEFAULT.nothing());
        assertThat(names(search.find(scores, 2).block(TIMEOUT), 0)).containsExactlyInAnyOrder("ffn.1.1", "ffn.2.3");
        assertThat(swarm.questions("ffn.2.")).isEqualTo(2);
        assertThat(swarm.questions("ffn.1.")).isOne();
    }

    @Test
    void find_whereAPrefixLeadsNowhere_fillsUpWithExemplars() {
        swarm.declare("ffn.1.1.1", "ffn.2.2.2");
        swarm.clear("ffn.2.2.");

        Routing found = search("ffn.[0:4].[0:4].[0:4]").find(new float[12], 2).block(TIMEOUT);

        assertThat(names(found, 0)).containsExactly("ffn.1.1.1", "ffn.2.2.2");
    }

    @Test
    void find_withAnIndexOfNegativeInfinity_neverChoosesIt() {
        swarm.declare("ffn.0.0", "ffn.1.0", "ffn.1.1");
        float[] scores = {Float.NEGATIVE_INFINITY, 0, 0, Float.NEGATIVE_INFINITY};

        Routing found = search("ffn.[0:2].[0:2]").find(scores, 3).block(TIMEOUT);

        assertThat(names(found, 0)).containsExactly("ffn.1.0");
    }

    @Test
    void find_withTiesInAGrid_takesTheFirstCellsForEveryRow() {
        IntStream.range(0, 9).forEach(i -> swarm.declare("ffn.%d.%d".formatted(i / 3, i % 3)));

        Routing found = search("ffn.[0:3].[0:3]").find(new float[2 * 6], 4).block(TIMEOUT);

        for (int row = 0; row < 2; row++) {
            assertThat(names(found, row)).containsExactly("ffn.0.0", "ffn.0.1", "ffn.0.2", "ffn.1.0");
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void find_forARowOfScoresThatAreNotFinite_givesItNobodyAndTheOthersTheirs(float odd) {
        IntStream.range(0, 9).forEach(i -> swarm.declare("ffn.%d.%d".formatted(i / 3, i % 3)));
        for (int index = 0; index < 6; index++) {
            float[] scores = {1, 2, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0, 3, 2, 1, 3, 2, 1};
            scores[6 + index] = odd;

            Routing found = search("ffn.[0:3].[0:3]").find(scores, 2).block(TIMEOUT);

            assertThat(names(found, 0)).containsExactly("ffn.2.2", "ffn.2.1");
            assertThat(names(found, 1)).isEmpty();
            assertThat(names(found, 2)).containsExactly("ffn.0.0", "ffn.0.1");
        }
    }

    @Test
    void find_ofAnExpertThatIsAnotherRowsExemplar_takesItsLatestOwner() {
        swarm.declare(Grids.expert("ffn.1.1.1", Grids.OTHER_OWNER))
                .declare(Grids.expert("ffn.1.0.0", Grids.OTHER_OWNER))
                .declare("ffn.1.0.0", "ffn.0.2.1");
        swarm.clear("ffn.1.1.");
        swarm.clear("ffn.0.2.");
        float[] scores = {
            10, 5, 0, 0, 0, 9, 10, 0, 100, 0, 0, 0, // finds nothing, and takes ffn.1.0.0 as an exemplar
            -10, 10, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0
        };

        Routing found = search("ffn.[0:4].[0:4].[0:4]").find(scores, 2).block(TIMEOUT);

        assertThat(names(found, 0)).contains("ffn.1.0.0");
        assertThat(names(found, 1)).contains("ffn.1.0.0");
        assertThat(found.experts())
                .map(owners -> owners.get(0))
                .filteredOn(expert -> expert.uid().value().equals("ffn.1.0.0"))
                .singleElement()
                .satisfies(expert -> assertThat(expert.peerId()).isEqualTo(Grids.OTHER_OWNER));
    }

    @Test
    void find_whereNobodyIsDeclared_isUnavailable() {
        search("ffn.[0:4].[0:4]")
                .find(new float[8], 2)
                .as(StepVerifier::create)
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(PeerUnavailableException.class)
                        .hasMessageContaining("below 'ffn.'")
                        .hasMessageContaining("prefix"))
                .verify(TIMEOUT);
    }

    @Test
    void find_inAGridOfOtherDimensions_namesAnExpertThatIsThere() {
        swarm.declare("ffn.7");

        assertMisfit("ffn.7", "as many dimensions");
    }

    @Test
    void find_inAGridThatIsTooSmall_namesAnExpertThatIsThere() {
        swarm.declare("ffn.40.1");

        assertMisfit("ffn.40.1", "large enough");
    }

    private void assertMisfit(String uid, String advice) {
        search("ffn.[0:4].[0:4]")
                .find(new float[8], 2)
                .as(StepVerifier::create)
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(GridMismatchException.class)
                        .hasMessageContainingAll(uid, "ffn.[0:4].[0:4]", advice))
                .verify(TIMEOUT);
    }

    @Test
    void find_withScoresThatAreNoRows_isRefused() {
        assertThatThrownBy(() -> search("ffn.[0:4]").find(new float[5], 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rows of 4");
    }

    @Test
    void find_manyAtOnce_shareOneQuestion() {
        swarm.declare("ffn.1");
        Sinks.Empty<Void> answer = Sinks.empty();
        BeamSearch search = search(
                "ffn.[0:4]", Lifetimes.DEFAULT, prefix -> swarm.owners(prefix).delayUntil(found -> answer.asMono()));
        List<Routing> results = new ArrayList<>();
        var both = Flux.merge(search.find(new float[4], 1), search.find(new float[4], 1))
                .doOnNext(results::add);

        StepVerifier.create(both)
                .then(answer::tryEmitEmpty)
                .expectNextCount(2)
                .expectComplete()
                .verify(TIMEOUT);

        assertThat(swarm.questions()).isOne();
    }

    @Test
    void find_whenTheDhtFailsLater_usesWhatWasKnown() {
        swarm.declare("ffn.1");
        boolean[] down = {false};
        BeamSearch search = search(
                "ffn.[0:4]",
                Lifetimes.DEFAULT,
                prefix -> down[0] ? Mono.error(new PeerUnavailableException("nobody there")) : swarm.owners(prefix));
        search.find(new float[4], 1).block(TIMEOUT);
        down[0] = true;
        clock.advance(Lifetimes.DEFAULT.found());

        assertThat(names(search.find(new float[4], 1).block(TIMEOUT), 0)).containsExactly("ffn.1");
    }

    @Test
    void find_whereOnePrefixIsSilent_doesWithoutItForThisOnce() {
        swarm.declare("ffn.1.1", "ffn.2.2", "ffn.2.3");
        Sinks.Empty<Void> answer = Sinks.empty();
        BeamSearch search = search(
                "ffn.[0:4].[0:4]",
                Lifetimes.DEFAULT,
                prefix -> prefix.value().equals("ffn.2.")
                        ? swarm.owners(prefix).delayUntil(found -> answer.asMono())
                        : swarm.owners(prefix));
        float[] scores = {0, 0, 0, 0, 0, 0, 0, 1};

        StepVerifier.withVirtualTime(() -> search.find(scores, 2))
                .thenAwait(Lifetimes.DEFAULT.patience())
                .assertNext(
                        found -> assertThat(names(found, 0)).contains("ffn.1.1").doesNotContain("ffn.2.3"))
                .expectComplete()
                .verify(TIMEOUT);

        answer.tryEmitEmpty();
        StepVerifier.withVirtualTime(() -> search.find(scores, 2))
                .assertNext(found -> assertThat(names(found, 0)).contains("ffn.2.3"))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void find_wherePrefixesBelowTheFirstDimensionAreSilent_endsWithinItsPatienceForEach() {
        swarm.declare("ffn.1.1.1", "ffn.2.2.2", "ffn.2.2.3");
        BeamSearch search = search(
                "ffn.[0:4].[0:4].[0:4]",
                Lifetimes.DEFAULT,
                prefix -> prefix.value().startsWith("ffn.2.") ? Mono.never() : swarm.owners(prefix));

        StepVerifier.withVirtualTime(() -> search.find(new float[12], 2))
                .expectSubscription()
                .thenAwait(Lifetimes.DEFAULT.patience().multipliedBy(2))
                .assertNext(found -> assertThat(names(found, 0)).containsExactly("ffn.1.1.1", "ffn.2.2.2"))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void find_whenTheDhtIsSilentLater_waitsForItsPatienceOnly() {
        swarm.declare("ffn.1");
        boolean[] silent = {false};
        BeamSearch search =
                search("ffn.[0:4]", Lifetimes.DEFAULT, prefix -> silent[0] ? Mono.never() : swarm.owners(prefix));
        search.find(new float[4], 1).block(TIMEOUT);
        silent[0] = true;
        clock.advance(Lifetimes.DEFAULT.found());

        StepVerifier.withVirtualTime(() -> search.find(new float[4], 1))
                .expectSubscription()
                .expectNoEvent(Lifetimes.DEFAULT.patience().minusMillis(1))
                .thenAwait(Duration.ofMillis(1))
                .expectNextCount(1)
                .expectComplete()
                .verify(TIMEOUT);
    }
}
