package dev.hivemind.moe.mixture;

/** How often tests are run in which something could hang. */
final class Runs {

    /** In every build. */
    static final int FEW = 3;

    /** In the long tests. */
    static final int MANY = 20;

    /** Of one run, in minutes: only a hang takes as long. */
    static final int MAX_MINUTES = 5;

    private Runs() {}
}
