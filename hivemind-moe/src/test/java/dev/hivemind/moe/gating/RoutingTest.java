package dev.hivemind.moe.gating;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Comparator;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RoutingTest {

    @Test
    void best_ofRandomScores_equalsSortingEveryRow() {
        var random = new SplittableRandom(7);
        for (int round = 0; round < 500; round++) {
            int experts = 1 + random.nextInt(12);
            int rows = random.nextInt(6);
            int kBest = 1 + random.nextInt(experts);
            float[] scores = new float[rows * experts];
            for (int i = 0; i < scores.length; i++) {
                scores[i] = random.nextInt(5);
            }
            Set<Integer> alive = new TreeSet<>(Set.of(random.nextInt(experts)));
            IntStream.range(0, experts).filter(i -> random.nextBoolean()).forEach(alive::add);

            Routing routing = Routing.best(scores, experts, alive, kBest);

            assertThat(routing.experts()).isEqualTo(bySorting(scores, experts, alive, kBest));
        }
    }

    private static int[] bySorting(float[] scores, int experts, Set<Integer> alive, int kBest) {
        return IntStream.range(0, scores.length / experts)
                .flatMap(row -> alive.stream()
                        .sorted(Comparator.<Integer>comparingDouble(expert -> -scores[row * experts + expert])
                                .thenComparing(Comparator.naturalOrder()))
                        .limit(kBest)
                        .mapToInt(Integer::intValue))
                .toArray();
    }

    @Test
    void slotsByExpert_coversEverySlotOnce() {
        Routing routing = Routing.best(new float[] {3, 2, 1, 1, 2, 3, 1, 3, 2}, 3, Set.of(0, 1, 2), 2);

        var slots = routing.slotsByExpert();

        assertThat(routing.experts()).containsExactly(0, 1, 2, 1, 1, 2);
        assertThat(slots.keySet()).containsExactly(0, 1, 2);
        assertThat(slots.get(1)).containsExactly(1, 3, 4);
        assertThat(routing.rowsOf(slots.get(1))).containsExactly(0, 1, 2);
    }

    @Test
    void best_withFewerAliveThanWanted_takesAllThatLive() {
        Routing routing = Routing.best(new float[] {3, 2, 1}, 3, Set.of(2), 2);

        assertThat(routing.width()).isEqualTo(1);
        assertThat(routing.experts()).containsExactly(2);
    }

    @Test
    void best_withNobodyAlive_isRefused() {
        assertThatThrownBy(() -> Routing.best(new float[] {1}, 1, Set.of(), 1))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
