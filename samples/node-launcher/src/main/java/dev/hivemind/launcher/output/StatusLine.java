package dev.hivemind.launcher.output;

import static java.util.Objects.requireNonNull;

import java.io.PrintStream;

/**
 * One line that changes. On a terminal it is redrawn in place; the terminal itself cuts what does not fit, so that it may
 * change its size at any time. Elsewhere each text is a line of its own. Safe for use from any thread.
 */
public final class StatusLine {

    private static final String ESCAPE = "\033[";
    private static final String NO_WRAP = ESCAPE + "?7l";
    private static final String WRAP = ESCAPE + "?7h";
    private static final String CLEAR = "\r" + ESCAPE + "2K";
    private static final String DIM = ESCAPE + "2m";
    private static final String PLAIN = ESCAPE + "0m";

    private final PrintStream out;
    private final boolean redrawn;
    private final boolean coloured;
    private boolean shown;

    StatusLine(PrintStream out, boolean redrawn, boolean coloured) {
        this.out = requireNonNull(out, "out");
        this.redrawn = redrawn;
        this.coloured = coloured;
    }

    /** A line on standard output. */
    public static StatusLine on(PrintStream out) {
        return new StatusLine(out, Terminal.isInteractive(), Terminal.isColoured());
    }

    /** Whether each text takes the place of the one before. */
    public boolean isRedrawn() {
        return redrawn;
    }

    /** Shows a text instead of the one before. */
    public synchronized void show(String text) {
        if (redrawn) {
            out.print(CLEAR + NO_WRAP + (coloured ? DIM + text + PLAIN : text) + WRAP);
        } else {
            out.print(text + System.lineSeparator());
        }
        shown = true;
        out.flush();
    }

    /** Takes the line away where it was redrawn. */
    public synchronized void end() {
        if (redrawn && shown) {
            out.print(CLEAR);
            out.flush();
        }
        shown = false;
    }
}
