package dev.hivemind.moe.training.report;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.training.StepReport;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Tells a feed of every step of a training; which experts are used, and for how many rows each, a mixture tells the same feed
 * if it was built with it. While nobody observes the feed, nothing is made. For a trainer that nobody can dial,
 * {@link EventFeed#reportTo} takes the feed to a dashboard.
 */
public final class TrainingEvents implements Consumer<StepReport> {

    private static final int MAX_RUN_CHARS = 256;

    private final EventFeed feed;
    private final String run;
    private final LongSupplier nanoClock;
    private long lastNanos;

    /**
     * Tells of one run.
     *
     * @param run its name, of at most 256 characters
     */
    public TrainingEvents(EventFeed feed, String run) {
        this(feed, run, System::nanoTime);
    }

    TrainingEvents(EventFeed feed, String run, LongSupplier nanoClock) {
        if (run.length() > MAX_RUN_CHARS) {
            throw new IllegalArgumentException("The name of a run has at most %d characters".formatted(MAX_RUN_CHARS));
        }
        this.feed = requireNonNull(feed, "feed");
        this.run = run;
        this.nanoClock = nanoClock;
        this.lastNanos = nanoClock.getAsLong();
    }

    /** Tells of a step. Never blocks, never fails; called by one thread at a time. */
    @Override
    public void accept(StepReport report) {
        long now = nanoClock.getAsLong();
        long nanos = now - lastNanos;
        lastNanos = now;
        if (feed.isObserved()) {
            feed.publish(EventMessage.newBuilder().setTraining(event(report, nanos)));
        }
    }

    private TrainingEventMessage event(StepReport report, long nanos) {
        StepReport.Totals totals = report.totals();
        var event = TrainingEventMessage.newBuilder()
                .setRun(run)
                .setStep(report.step())
                .setEpoch(report.epoch())
                .setBatch(report.batch())
                .setLoss(report.loss())
                .setSamples(report.rows())
                .setMicros(TimeUnit.NANOSECONDS.toMicros(nanos))
                .setGradientNorm(report.gradientNorm())
                .setLearningRate(report.learningRate())
                .setStaleness(report.staleness())
                .setSamplesPerSecond(totals.samplesPerSecond())
                .setCalls(totals.calls())
                .setFailedCalls(totals.failedCalls())
                .setExpertsAnswering(totals.expertsAnswering());
        report.accuracy().ifPresent(event::setAccuracy);
        return event.build();
    }
}
