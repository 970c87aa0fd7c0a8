package dev.hivemind.benchmarks.harness;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs cases in turns, after each has warmed up. */
public final class Interleaved {

    private Interleaved() {}

    /**
     * A case that can have a turn.
     *
     * @param <R> what a turn gives
     */
    @FunctionalInterface
    public interface Case<R> {

        /** Works for about so long, and tells what came of it. Blocks. */
        R run(Duration time) throws Exception;
    }

    /**
     * The results of every case, by its name, in the order of the turns.
     *
     * @param cases by name, in the order in which they take turns
     */
    public static <R> Map<String, List<R>> run(Map<String, ? extends Case<R>> cases, Plan plan) throws Exception {
        for (Case<R> warming : cases.values()) {
            warming.run(plan.warmUp());
        }
        Map<String, List<R>> results = new LinkedHashMap<>();
        cases.keySet().forEach(name -> results.put(name, new ArrayList<>()));
        for (int turn = 0; turn < plan.repetitions(); turn++) {
            for (var each : cases.entrySet()) {
                results.computeIfAbsent(each.getKey(), name -> new ArrayList<>())
                        .add(each.getValue().run(plan.slice()));
            }
        }
        return results;
    }
}
