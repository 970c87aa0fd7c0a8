package dev.hivemind.dashboard.web;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * An event of a stream of server-sent events; the bytes are shared by all who receive it, and never changed.
 *
 * @param jsonAt where its data begin
 */
record Frame(long id, byte[] bytes, int jsonAt) {

    /** Keeps a stream alive on which nothing happens. */
    static final byte[] KEEP_ALIVE = ":\n\n".getBytes(StandardCharsets.US_ASCII);

    private static final int END_CHARS = 2;
    private static final String RECONNECT_MILLIS = "1000";

    static Frame update(long id, byte[] json) {
        return of(id, "id: " + id + "\nevent: update\ndata: ", json);
    }

    static Frame snapshot(long id, byte[] json) {
        return of(id, "retry: " + RECONNECT_MILLIS + "\nid: " + id + "\nevent: snapshot\ndata: ", json);
    }

    /** JSON holds no line breaks, so that it is one line of data. */
    private static Frame of(long id, String head, byte[] json) {
        byte[] before = head.getBytes(StandardCharsets.US_ASCII);
        byte[] bytes = new byte[before.length + json.length + END_CHARS];
        System.arraycopy(before, 0, bytes, 0, before.length);
        System.arraycopy(json, 0, bytes, before.length, json.length);
        bytes[bytes.length - 2] = '\n';
        bytes[bytes.length - 1] = '\n';
        return new Frame(id, bytes, before.length);
    }

    /** Its data alone. */
    ByteBuffer json() {
        return ByteBuffer.wrap(bytes, jsonAt, bytes.length - jsonAt - END_CHARS).slice();
    }
}
