package dev.hivemind.dashboard.history;

import dev.hivemind.dashboard.history.SwarmView.EventView;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The latest of what happened. What happens again and again is told once a second, with its number, so that a flood of one
 * thing pushes out nothing else.
 */
final class EventLog {

    static final int CAPACITY = 500;

    /** How many different things may happen again and again in one second; of others only the number is told. */
    static final int MAX_REPEATED = 20;

    private static final int MAX_TEXT = 200;

    private final Deque<EventView> events = new ArrayDeque<>();
    private final Map<Repeated, Long> repeated = new LinkedHashMap<>();
    private long unlisted;
    private long sequence;

    /** Kinds of events. */
    enum Kind {
        JOIN,
        LEAVE,
        FAILURE,
        REJECTION,
        TRAINING,
        NOTE;

        String told() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** How much people should care. */
    enum Severity {
        INFO,
        WARNING,
        ERROR;

        String told() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Whom it happens to.
     *
     * @param node its id
     * @param expert its uid
     */
    record Subject(@Nullable String node, @Nullable String expert) {

        static final Subject NOBODY = new Subject(null, null);
    }

    private record Repeated(Kind kind, Subject subject, String error) {}

    /** Something happens once. */
    void add(long at, Kind kind, Severity severity, Subject subject, String text) {
        if (events.size() == CAPACITY) {
            events.removeFirst();
        }
        events.addLast(new EventView(
                ++sequence,
                at,
                kind.told(),
                severity.told(),
                subject.node(),
                visible(subject.expert()),
                PlainText.of(text, MAX_TEXT)));
    }

    private static @Nullable String visible(@Nullable String expert) {
        return expert == null ? null : PlainText.of(expert, MAX_TEXT);
    }

    /** Calls fail or are refused. */
    void count(Kind kind, Subject subject, String error, long calls) {
        var key = new Repeated(kind, subject, error);
        if (repeated.containsKey(key) || repeated.size() < MAX_REPEATED) {
            repeated.merge(key, calls, Long::sum);
        } else {
            unlisted += calls;
        }
    }

    /** Tells what was counted. Called about once a second. */
    void flush(long at) {
        for (Iterator<Map.Entry<Repeated, Long>> all = repeated.entrySet().iterator(); all.hasNext(); all.remove()) {
            Map.Entry<Repeated, Long> one = all.next();
            tell(at, one.getKey(), one.getValue());
        }
        if (unlisted > 0) {
            add(at, Kind.FAILURE, Severity.WARNING, Subject.NOBODY, unlisted + " further calls failed or were refused");
            unlisted = 0;
        }
    }

    private void tell(long at, Repeated what, long calls) {
        String number = calls == 1 ? "1 call" : calls + " calls";
        String expert = what.subject().expert();
        String to = expert == null ? "" : " to " + expert;
        if (what.kind() == Kind.REJECTION) {
            String were = calls == 1 ? "was" : "were";
            add(
                    at,
                    what.kind(),
                    Severity.WARNING,
                    what.subject(),
                    "%s%s %s refused: %s".formatted(number, to, were, what.error()));
        } else {
            add(at, what.kind(), Severity.ERROR, what.subject(), "%s%s failed: %s".formatted(number, to, what.error()));
        }
    }

    List<EventView> latest() {
        return List.copyOf(events);
    }
}
