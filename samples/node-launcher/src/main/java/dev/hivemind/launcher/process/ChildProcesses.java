package dev.hivemind.launcher.process;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The child processes of this one. None outlives it: {@link #close()} ends them in peace, a shutdown hook kills them
 * when the JVM ends first (by {@code exit}, Ctrl-C or SIGTERM), and {@link ParentWatch} ends them when this process is
 * killed without notice. Safe for use from any thread.
 */
public final class ChildProcesses implements AutoCloseable {

    private static final Duration GRACE = Duration.ofSeconds(5);
    private static final List<String> SMALL_HEAP = List.of("-Xmx256m");

    private final String mainClass;
    private final List<ServerProcess> children = new ArrayList<>();
    private final Thread hook = new Thread(this::killAll, "hivemind-children-end");
    private boolean closed;

    private ChildProcesses(String mainClass) {
        this.mainClass = mainClass;
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /**
     * A group of further JVMs with this one's Java and class path.
     *
     * @param mainClass what they start; it is expected to use {@link ParentWatch}
     */
    public static ChildProcesses of(Class<?> mainClass) {
        return new ChildProcesses(mainClass.getName());
    }

    /**
     * Starts a child. It does not wait: see {@link ServerProcess#awaitReady}.
     *
     * @param name how messages call it, for example {@code Server 2}
     * @param arguments the arguments of its main method
     * @throws ChildProcessException if the system refuses to start it
     * @throws IllegalStateException after {@link #close()}
     */
    public ServerProcess start(String name, List<String> arguments) {
        return start(name, new ChildCommand(mainClass, List.of()), arguments);
    }

    /** Like {@link #start}, with a heap of 256 MiB at most. */
    public ServerProcess startSmall(String name, List<String> arguments) {
        return start(name, new ChildCommand(mainClass, SMALL_HEAP), arguments);
    }

    private synchronized ServerProcess start(String name, ChildCommand command, List<String> arguments) {
        if (closed) {
            throw new IllegalStateException("No child is started any more");
        }
        try {
            var child = new ServerProcess(name, command.builder(arguments).start());
            children.add(child);
            return child;
        } catch (IOException refused) {
            throw new ChildProcessException("%s cannot be started: %s".formatted(name, refused.getMessage()), refused);
        }
    }

    /** Ends all children: asks them, waits up to five seconds for all together, kills the rest. Idempotent. */
    @Override
    public void close() {
        List<ServerProcess> ending = takeAll();
        ending.forEach(ServerProcess::closeInput);
        long end = System.nanoTime() + GRACE.toNanos();
        for (ServerProcess child : ending) {
            child.awaitEnd(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
        }
        removeHook();
    }

    private void killAll() {
        takeAll().forEach(ServerProcess::killNow);
    }

    /** Leaves the children in the list until the JVM's end, so that the hook still finds those that are ending. */
    private synchronized List<ServerProcess> takeAll() {
        closed = true;
        return List.copyOf(children);
    }

    private void removeHook() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            killAll();
        }
    }
}
