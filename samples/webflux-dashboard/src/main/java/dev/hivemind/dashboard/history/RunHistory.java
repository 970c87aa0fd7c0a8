package dev.hivemind.dashboard.history;

import dev.hivemind.dashboard.history.SwarmView.RunState;
import dev.hivemind.dashboard.history.SwarmView.RunView;
import dev.hivemind.dashboard.history.SwarmView.UsageView;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** The curve of one training. When it has too many points, every second one is left out, and later ones are rarer. */
final class RunHistory {

    static final int MAX_POINTS = 600;

    /** A run of which nothing is heard for so long has ended. */
    static final long SILENCE_MILLIS = 15_000;

    static final List<String> NAMES =
            List.of("step", "loss", "accuracy", "learningRate", "staleness", "samplesPerSecond");

    private final String name;
    private final String source;
    private final List<List<@Nullable Number>> points = new ArrayList<>();
    private final IntSupplier generations;
    private int generation;
    private long stride = 1;
    private long heard;
    private long lastSeen;
    private boolean ended;
    private TrainingEventMessage latest = TrainingEventMessage.getDefaultInstance();

    /**
     * A run without steps.
     *
     * @param generations numbers that no curve had before
     */
    RunHistory(String name, String source, IntSupplier generations) {
        this.name = name;
        this.source = source;
        this.generations = generations;
        this.generation = generations.getAsInt();
    }

    String name() {
        return name;
    }

    String source() {
        return source;
    }

    long lastSeen() {
        return lastSeen;
    }

    boolean isEnded() {
        return ended;
    }

    /** A step; one that is not after the last one begins the run anew, as a trainer does that goes back to a checkpoint. */
    void step(long nowMillis, TrainingEventMessage step) {
        if (heard > 0 && step.getStep() <= latest.getStep()) {
            points.clear();
            generation = generations.getAsInt();
            stride = 1;
            heard = 0;
        }
        latest = step;
        lastSeen = nowMillis;
        ended = false;
        if (heard++ % stride == 0) {
            add(point(step));
        }
    }

    private void add(List<@Nullable Number> point) {
        points.add(point);
        if (points.size() > MAX_POINTS) {
            List<List<@Nullable Number>> kept = new ArrayList<>();
            for (int i = 0; i < points.size(); i += 2) {
                kept.add(points.get(i));
            }
            points.clear();
            points.addAll(kept);
            stride *= 2;
            generation = generations.getAsInt();
        }
    }

    private static List<@Nullable Number> point(TrainingEventMessage step) {
        @Nullable Number[] values = {
            Figures.count(step.getStep()),
            Figures.told(step.getLoss()),
            accuracy(step),
            learningRate(step),
            Integer.toUnsignedLong(step.getStaleness()),
            Figures.told(step.getSamplesPerSecond())
        };
        return Collections.unmodifiableList(Arrays.asList(values));
    }

    private static @Nullable Double accuracy(TrainingEventMessage step) {
        return step.hasAccuracy() ? Figures.told(step.getAccuracy()) : null;
    }

    private static @Nullable Double learningRate(TrainingEventMessage step) {
        return step.hasLearningRate() ? Figures.told(step.getLearningRate()) : null;
    }

    /** Whether it ends now. */
    boolean endsBySilence(long nowMillis) {
        boolean ends = !ended && nowMillis - lastSeen >= SILENCE_MILLIS;
        ended |= ends;
        return ends;
    }

    long steps() {
        return Figures.count(latest.getStep());
    }

    RunView view(@Nullable Double gateEntropy, List<UsageView> usage) {
        var state = new RunState(
                name,
                source,
                ended ? "ended" : "running",
                steps(),
                Integer.toUnsignedLong(latest.getEpoch()),
                Figures.told(latest.getLoss()),
                accuracy(latest),
                learningRate(latest),
                Integer.toUnsignedLong(latest.getStaleness()),
                Figures.told(latest.getSamplesPerSecond()),
                Figures.count(latest.getCalls()),
                Figures.count(latest.getFailedCalls()),
                Integer.toUnsignedLong(latest.getExpertsAnswering()),
                gateEntropy,
                lastSeen,
                usage);
        return new RunView(state, NAMES, generation, List.copyOf(points));
    }
}
