package dev.hivemind.dht.rpc;

import dev.hivemind.dht.proto.WatchReplyMessage;
import dev.hivemind.dht.storage.DhtValue;
import org.jspecify.annotations.Nullable;

/**
 * What watchers are told as protobuf. All who watch a key are told the same, so the last message is remembered. Safe for use
 * from any thread: a race costs no more than translating once again.
 */
final class WatchReplyCodec {

    private volatile @Nullable Told last;

    /** The message that tells of this very value. */
    WatchReplyMessage toMessage(DhtValue value) {
        Told told = last;
        if (told == null || told.value() != value) {
            told = new Told(value, DhtCodec.toMessage(value));
            last = told;
        }
        return told.message();
    }

    private record Told(DhtValue value, WatchReplyMessage message) {}
}
