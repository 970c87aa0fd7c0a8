package dev.hivemind.launcher;

/** What the launcher's process ends with. */
final class ExitCodes {

    /** All went well. */
    static final int OK = 0;

    /** The work failed. */
    static final int FAILED = 1;

    /** The command line, the environment or the configuration is wrong. */
    static final int USAGE = 2;

    /** No peer could be reached. */
    static final int NO_PEER = 3;

    /** Somebody interrupted the work. */
    static final int INTERRUPTED = 130;

    private ExitCodes() {}
}
