package dev.hivemind.launcher;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Starts commands for a test, and kills those that still run when it has ended. */
public final class CommandRuns implements AfterEachCallback {

    private final Queue<CommandRun> runs = new ConcurrentLinkedQueue<>();

    /** {@link CommandRun#start}. */
    public CommandRun start(Path directory, Map<String, String> environment, String... arguments) throws IOException {
        return kept(CommandRun.start(directory, environment, arguments));
    }

    /** {@link CommandRun#startProgram}. */
    public CommandRun startProgram(Path directory, List<String> command) throws IOException {
        return kept(CommandRun.startProgram(directory, Map.of(), command));
    }

    private CommandRun kept(CommandRun run) {
        runs.add(run);
        return run;
    }

    @Override
    public void afterEach(ExtensionContext context) {
        runs.forEach(CommandRun::close);
        runs.clear();
    }
}
