package dev.hivemind.dashboard.history;

import dev.hivemind.dashboard.history.EventLog.Kind;
import dev.hivemind.dashboard.history.EventLog.Severity;
import dev.hivemind.dashboard.history.EventLog.Subject;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** The trainings that are reported, each with its curve. */
final class Runs {

    static final int MAX_RUNS = 32;

    private static final int MAX_NAME = 100;

    private final EventLog log;
    private final Map<Key, RunHistory> runs = new LinkedHashMap<>();

    private int generations;

    private record Key(String source, String run) {}

    Runs(EventLog log) {
        this.log = log;
    }

    /** A step of a run; of too many runs, the one that ended longest ago makes room, and while all go on, nobody new is heard. */
    void step(long now, String source, TrainingEventMessage step) {
        String name = PlainText.of(step.getRun(), MAX_NAME);
        var key = new Key(source, name);
        RunHistory run = runs.get(key);
        if (run == null) {
            if (!hasRoom()) {
                return;
            }
            run = new RunHistory(name, source, () -> ++generations);
            runs.put(key, run);
            log.add(now, Kind.TRAINING, Severity.INFO, new Subject(source, null), "Run '%s' has begun".formatted(name));
        } else if (run.isEnded()) {
            log.add(now, Kind.TRAINING, Severity.INFO, new Subject(source, null), "Run '%s' goes on".formatted(name));
        }
        run.step(now, step);
    }

    private boolean hasRoom() {
        if (runs.size() >= MAX_RUNS) {
            runs.entrySet().stream()
                    .filter(one -> one.getValue().isEnded())
                    .min(Comparator.comparingLong(one -> one.getValue().lastSeen()))
                    .map(Map.Entry::getKey)
                    .ifPresent(runs::remove);
        }
        return runs.size() < MAX_RUNS;
    }

    Collection<RunHistory> all() {
        return runs.values();
    }

    /** Lets time pass. */
    void moveTo(long now) {
        for (RunHistory run : runs.values()) {
            if (run.endsBySilence(now)) {
                log.add(
                        now,
                        Kind.TRAINING,
                        Severity.INFO,
                        new Subject(run.source(), null),
                        String.format(Locale.ROOT, "Run '%s' has ended after %d steps", run.name(), run.steps()));
            }
        }
    }
}
