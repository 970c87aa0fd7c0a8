package dev.hivemind.benchmarks.wire;

import java.util.Locale;

/** What is done with a message. */
enum Op {
    /** Each message is a call that is answered with nothing; several are under way. */
    SINK(0),
    /** Each message is a call that is answered with itself. */
    ECHO(1),
    /** Messages flow one way over one stream. */
    STREAM(2);

    private final int code;

    Op(int code) {
        this.code = code;
    }

    /** As rows call it. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** As the raw contender's frames call it. */
    int code() {
        return code;
    }

    static Op ofCode(int code) {
        return switch (code) {
            case 0 -> SINK;
            case 1 -> ECHO;
            default -> STREAM;
        };
    }
}
