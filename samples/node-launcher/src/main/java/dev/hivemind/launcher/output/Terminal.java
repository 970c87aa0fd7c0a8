package dev.hivemind.launcher.output;

import java.io.Console;
import java.lang.reflect.InvocationTargetException;

/** Tells whether a person is watching. */
final class Terminal {

    private Terminal() {}

    /**
     * Whether standard input and output are a terminal that can redraw a line. From Java 22 on there is a console even
     * when both are redirected, and it knows itself whether it is a terminal.
     */
    @SuppressWarnings("SystemConsoleNull") // null before Java 22
    static boolean isInteractive() {
        Console console = System.console();
        return console != null && !"dumb".equals(System.getenv("TERM")) && isTerminal(console);
    }

    /** Whether colours are welcome: on a terminal, unless NO_COLOR is set to anything. */
    static boolean isColoured() {
        String noColour = System.getenv("NO_COLOR");
        return isInteractive() && (noColour == null || noColour.isEmpty());
    }

    private static boolean isTerminal(Console console) {
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (NoSuchMethodException before22) {
            return true;
        } catch (IllegalAccessException | InvocationTargetException unknown) {
            return false;
        }
    }
}
