package dev.hivemind.moe.client;

import dev.hivemind.rsocket.Reply;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A reply on its way through operators that may drop it, even twice: whoever takes it first owns it, and releasing it
 * after that has no effect. Thread-safe.
 */
final class HeldReply {

    private final AtomicReference<@Nullable Reply> reply;

    /** Takes the reply over. */
    HeldReply(Reply reply) {
        this.reply = new AtomicReference<>(reply);
    }

    /** The reply, which the caller owns then; null for everybody but the first. */
    @Nullable Reply take() {
        return reply.getAndSet(null);
    }

    void release() {
        Reply held = take();
        if (held != null) {
            held.release();
        }
    }
}
