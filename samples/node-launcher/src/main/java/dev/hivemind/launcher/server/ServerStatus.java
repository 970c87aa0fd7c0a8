package dev.hivemind.launcher.server;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How a server is doing.
 *
 * @param experts that it hosts
 * @param rowsPerSecond that it has computed since the last look
 * @param rowsPerBatch on average since the last look; 0 without batches
 * @param queuedRows that wait
 * @param rejections calls that were refused since the start
 * @param peers that it is connected to
 */
record ServerStatus(
        int experts, double rowsPerSecond, double rowsPerBatch, long queuedRows, long rejections, long peers) {

    /** For people, one line. */
    String text() {
        return String.format(
                Locale.ROOT,
                "%d experts  %.0f rows/s  %.1f rows a batch  %d queued  %d refused  %d peers",
                experts,
                rowsPerSecond,
                rowsPerBatch,
                queuedRows,
                rejections,
                peers);
    }

    /** For programs. */
    Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("event", "status");
        fields.put("experts", experts);
        fields.put("rowsPerSecond", rowsPerSecond);
        fields.put("rowsPerBatch", rowsPerBatch);
        fields.put("queuedRows", queuedRows);
        fields.put("rejections", rejections);
        fields.put("peers", peers);
        return fields;
    }
}
