package dev.hivemind.launcher;

import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.report.TrainingEvents;
import dev.hivemind.rsocket.events.EventFeed;
import java.time.Clock;
import reactor.core.Disposable;
import reactor.core.Disposables;

/** What one training of the demo tells: its steps, and the passes through its mixture. Used by one thread. */
final class DemoReports implements AutoCloseable {

    private final String run;
    private final EventFeed feed = new EventFeed(Clock.systemUTC());
    private final TrainingEvents steps;
    private final Disposable.Composite told = Disposables.composite();

    DemoReports(String run) {
        this.run = run;
        this.steps = new TrainingEvents(feed, run);
    }

    /** The name of the training. */
    String run() {
        return run;
    }

    EventFeed feed() {
        return feed;
    }

    /** Ends with this. */
    void add(Disposable part) {
        told.add(part);
    }

    void accept(StepReport report) {
        steps.accept(report);
    }

    @Override
    public void close() {
        told.dispose();
    }
}
