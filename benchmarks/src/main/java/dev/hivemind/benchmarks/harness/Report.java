package dev.hivemind.benchmarks.harness;

/** Where findings go. */
public interface Report {

    /** A finding. */
    void row(Row row);

    /** What goes on at present, for people who wait. */
    void progress(String message);
}
