package dev.hivemind.launcher.process;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Ends this process when its standard input ends. A parent holds the other end of that pipe: it closes it to ask for
 * the end, and the system closes it when the parent dies, however that happens.
 */
public final class ParentWatch {

    private ParentWatch() {}

    /**
     * Begins to read standard input on a daemon thread. At its end the JVM exits with code 0; shutdown hooks may take
     * as long as the grace says, then it is halted.
     */
    public static void start(Duration grace) {
        start(System.in, () -> exit(grace));
    }

    static void start(InputStream in, Runnable onEnd) {
        var watch = new Thread(() -> watch(in, onEnd), "hivemind-parent-watch");
        watch.setDaemon(true);
        watch.start();
    }

    private static void watch(InputStream in, Runnable onEnd) {
        try {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException broken) {
            // As good as the end: nobody can write to a broken pipe.
        }
        onEnd.run();
    }

    private static void exit(Duration grace) {
        CompletableFuture.delayedExecutor(grace.toMillis(), TimeUnit.MILLISECONDS)
                .execute(() -> Runtime.getRuntime().halt(0));
        System.exit(0);
    }
}
