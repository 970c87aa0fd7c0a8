package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.Request;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;

class CallQueueTest {

    private final AtomicInteger refused = new AtomicInteger();
    private final CallQueue queue = new CallQueue(4, call -> null, refused::incrementAndGet);

    @Test
    void cancel_byThePeer_isToldToTheChannel() {
        Disposable peer = queue.subscribe(Request::release);

        peer.dispose();

        assertThat(refused).hasValue(1);
    }

    @Test
    void close_byTheChannel_isNotToldToIt() {
        queue.subscribe(Request::release);

        queue.close();

        assertThat(refused).hasValue(0);
    }
}
