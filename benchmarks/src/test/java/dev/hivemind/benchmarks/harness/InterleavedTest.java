package dev.hivemind.benchmarks.harness;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class InterleavedTest {

    private static final Plan PLAN = Plan.quick(3, Pattern.compile(""));

    private final List<String> turns = new ArrayList<>();
    private final Map<String, Interleaved.Case<Integer>> cases = new LinkedHashMap<>();

    private void add(String name) {
        cases.put(name, time -> {
            turns.add(name + (time.equals(PLAN.slice()) ? "" : " warm"));
            return turns.size();
        });
    }

    @Test
    void run_ofTwoCases_warmsUpAndTakesTurns() throws Exception {
        add("a");
        add("b");

        Map<String, List<Integer>> results = Interleaved.run(cases, PLAN);

        assertThat(turns).containsExactly("a warm", "b warm", "a", "b", "a", "b", "a", "b");
        assertThat(results).containsEntry("a", List.of(3, 5, 7)).containsEntry("b", List.of(4, 6, 8));
    }

    @Test
    void plan_thatIsThorough_takesLongerThanAQuickOne() {
        Plan thorough = Plan.thorough(5, Pattern.compile(""));

        assertThat(thorough.slice()).isGreaterThan(PLAN.slice()).isGreaterThan(Duration.ZERO);
    }
}
