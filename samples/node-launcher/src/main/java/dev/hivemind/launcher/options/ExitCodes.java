package dev.hivemind.launcher;

/** What the launcher's process ends with. */
final class ExitCodes {

    static final int OK = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int NO_PEER = 3;
    static final int INTERRUPTED = 130;

    private ExitCodes() {}
}
