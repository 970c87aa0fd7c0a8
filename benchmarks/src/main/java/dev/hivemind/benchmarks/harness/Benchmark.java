package dev.hivemind.benchmarks.harness;

/** Something that measures, by the name that the command line knows. */
public interface Benchmark {

    /** One word. */
    String name();

    /** What it measures, in a line. */
    String description();

    /**
     * Measures what the plan selects and reports a row for each finding, as soon as it is known.
     *
     * @throws Exception when nothing sensible can be measured any more
     */
    void run(Plan plan, Report report) throws Exception;
}
