package dev.hivemind.launcher.output;

import picocli.CommandLine.Option;

/** Whether a command writes for programs. */
public final class JsonOption {

    @Option(names = "--json", description = "Print one JSON object a line instead of text.")
    private boolean json;

    /** An option that is not given yet. */
    public JsonOption() {}

    /** Whether it is given. */
    public boolean isGiven() {
        return json;
    }
}
