package dev.hivemind.dashboard.web;

import java.nio.charset.StandardCharsets;

/** An event of a stream of server-sent events; the bytes are shared by all who receive it, and never changed. */
record Frame(long id, byte[] bytes) {

    /** Keeps a stream alive on which nothing happens. */
    static final byte[] KEEP_ALIVE = ":\n\n".getBytes(StandardCharsets.US_ASCII);

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
        byte[] bytes = new byte[before.length + json.length + 2];
        System.arraycopy(before, 0, bytes, 0, before.length);
        System.arraycopy(json, 0, bytes, before.length, json.length);
        bytes[bytes.length - 2] = '\n';
        bytes[bytes.length - 1] = '\n';
        return new Frame(id, bytes);
    }
}
