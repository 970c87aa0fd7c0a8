package dev.hivemind.dashboard.web;

import dev.hivemind.dashboard.history.SwarmView;
import dev.hivemind.dashboard.history.SwarmView.ChartView;
import dev.hivemind.dashboard.history.SwarmView.EventView;
import dev.hivemind.dashboard.history.SwarmView.RunView;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The swarm as JSON, whole or as what has changed since it was last written; {@code docs/DASHBOARD.md} describes it. Used by
 * one thread.
 */
final class SwarmJson {

    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private Told told = new Told();

    /** What was last told of a run. */
    private record WrittenRun(int generation, int points) {}

    /** What was last told of all. */
    private static final class Told {

        private final Map<String, byte[]> sections = new HashMap<>();
        private final Map<String, WrittenRun> runs = new HashMap<>();
        private long lastChartPoint = Long.MIN_VALUE;
        private long lastEvent;

        Told copy() {
            var copy = new Told();
            copy.sections.putAll(sections);
            copy.runs.putAll(runs);
            copy.lastChartPoint = lastChartPoint;
            copy.lastEvent = lastEvent;
            return copy;
        }
    }

    /** Everything. */
    static byte[] whole(long id, About about, SwarmView view) {
        var json = new JsonObject(id, view.now());
        json.add("about", MAPPER.writeValueAsBytes(about));
        json.add("connection", MAPPER.writeValueAsBytes(view.connection()));
        json.add("nodes", MAPPER.writeValueAsBytes(view.nodes()));
        json.add("links", MAPPER.writeValueAsBytes(view.links()));
        json.add("grids", MAPPER.writeValueAsBytes(view.grids()));
        json.add("charts", MAPPER.writeValueAsBytes(view.charts()));
        json.add(
                "runs",
                MAPPER.writeValueAsBytes(view.runs().stream()
                        .map(run -> told(run, "points", run.points()))
                        .toList()));
        json.add("events", MAPPER.writeValueAsBytes(view.events()));
        return json.end();
    }

    private static ObjectNode told(RunView run, String pointsAs, List<? extends @Nullable Object> points) {
        ObjectNode node = MAPPER.valueToTree(run.latest());
        node.set("names", MAPPER.valueToTree(run.names()));
        node.set(pointsAs, MAPPER.valueToTree(points));
        return node;
    }

    /** What has changed since the last call; null if nothing has. A call that fails has told nothing. */
    byte @Nullable [] changes(long id, SwarmView view) {
        var json = new JsonObject(id, view.now());
        Told next = told.copy();
        addIfChanged(json, next, "connection", MAPPER.writeValueAsBytes(view.connection()));
        addIfChanged(json, next, "nodes", MAPPER.writeValueAsBytes(view.nodes()));
        addIfChanged(json, next, "links", MAPPER.writeValueAsBytes(view.links()));
        addIfChanged(json, next, "grids", MAPPER.writeValueAsBytes(view.grids()));
        addCharts(json, next, view.charts());
        addRuns(json, next, view.runs());
        addEvents(json, next, view.events());
        byte[] changes = json.isEmpty() ? null : json.end();
        told = next;
        return changes;
    }

    private static void addIfChanged(JsonObject json, Told next, String name, byte[] section) {
        byte[] before = next.sections.put(name, section);
        if (before == null || !Arrays.equals(before, section)) {
            json.add(name, section);
        }
    }

    private static void addCharts(JsonObject json, Told next, ChartView charts) {
        List<List<@Nullable Number>> fresh = charts.points().stream()
                .filter(point -> time(point) > next.lastChartPoint)
                .toList();
        if (!fresh.isEmpty()) {
            next.lastChartPoint = time(fresh.get(fresh.size() - 1));
            Map<String, Object> told = new LinkedHashMap<>();
            told.put("stepMillis", charts.stepMillis());
            told.put("names", charts.names());
            told.put("newPoints", fresh);
            json.add("charts", MAPPER.writeValueAsBytes(told));
        }
    }

    private static long time(List<@Nullable Number> point) {
        Number time = point.get(0);
        return time == null ? Long.MIN_VALUE : time.longValue();
    }

    /** Which of several runs has changed, the states tell; the points are only those that were not told yet. */
    private static void addRuns(JsonObject json, Told next, List<RunView> views) {
        byte[] states =
                MAPPER.writeValueAsBytes(views.stream().map(RunView::latest).toList());
        byte[] before = next.sections.put("runs", states);
        if (before != null && Arrays.equals(before, states)) {
            return;
        }
        List<ObjectNode> told = new ArrayList<>();
        Map<String, WrittenRun> written = new HashMap<>();
        for (RunView run : views) {
            String key = run.latest().source() + '/' + run.latest().run();
            WrittenRun last = next.runs.get(key);
            told.add(told(run, last));
            written.put(key, new WrittenRun(run.generation(), run.points().size()));
        }
        next.runs.clear();
        next.runs.putAll(written);
        json.add("runs", MAPPER.writeValueAsBytes(told));
    }

    private static ObjectNode told(RunView run, @Nullable WrittenRun last) {
        if (last == null
                || last.generation() != run.generation()
                || last.points() > run.points().size()) {
            return told(run, "points", run.points());
        }
        return told(
                run,
                "newPoints",
                run.points().subList(last.points(), run.points().size()));
    }

    private static void addEvents(JsonObject json, Told next, List<EventView> events) {
        List<EventView> fresh =
                events.stream().filter(event -> event.seq() > next.lastEvent).toList();
        if (!fresh.isEmpty()) {
            next.lastEvent = fresh.get(fresh.size() - 1).seq();
            json.add("events", MAPPER.writeValueAsBytes(fresh));
        }
    }

    /** An object that is put together of sections written before. */
    private static final class JsonObject {

        private final ByteArrayOutputStream out = new ByteArrayOutputStream(4_096);
        private boolean empty = true;

        JsonObject(long id, long now) {
            write("{\"id\":" + id + ",\"now\":" + now);
        }

        void add(String name, byte[] value) {
            empty = false;
            write(",\"" + name + "\":");
            out.writeBytes(value);
        }

        boolean isEmpty() {
            return empty;
        }

        byte[] end() {
            write("}");
            return out.toByteArray();
        }

        private void write(String ascii) {
            out.writeBytes(ascii.getBytes(StandardCharsets.US_ASCII));
        }
    }
}
