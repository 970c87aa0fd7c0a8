package dev.hivemind.launcher.server;

import dev.hivemind.launcher.output.JsonLines;
import dev.hivemind.launcher.output.StatusLine;
import java.io.PrintStream;
import java.time.Duration;
import java.util.function.Supplier;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Shows a server's status: on a terminal in a line that is redrawn, otherwise as a line once a period. Writes on a thread
 * of its own, so that a terminal that is held up holds nothing else up.
 */
final class StatusDisplay implements Disposable {

    private static final Duration REDRAW = Duration.ofMillis(500);

    private final Scheduler thread = Schedulers.newSingle("hivemind-status", true);
    private final StatusLine line;
    private final Disposable running;

    private StatusDisplay(Supplier<ServerStatus> status, PrintStream out, boolean json, Duration period) {
        this.line = StatusLine.on(out);
        boolean redraws = line.isRedrawn() && !json;
        var lines = new JsonLines(out);
        this.running = Flux.interval(redraws ? REDRAW : period, thread)
                .onBackpressureDrop()
                .doOnNext(tick -> {
                    if (json) {
                        lines.write(status.get().fields());
                    } else {
                        line.show(status.get().text());
                    }
                })
                .subscribe();
    }

    /** @param period the time between two lines where they are not redrawn */
    static StatusDisplay start(Supplier<ServerStatus> status, PrintStream out, boolean json, Duration period) {
        return new StatusDisplay(status, out, json, period);
    }

    /** Shows nothing more, and leaves the terminal as it was. */
    @Override
    public void dispose() {
        running.dispose();
        thread.dispose();
        line.end();
    }
}
