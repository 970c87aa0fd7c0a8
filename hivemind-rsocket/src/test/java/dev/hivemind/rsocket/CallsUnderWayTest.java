package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;

class CallsUnderWayTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final CallsUnderWay calls = new CallsUnderWay(8);

    private FrameHeader add(Deadline deadline) {
        var header = new FrameHeader(Operation.EXPERT_FORWARD, "x", CallId.random(), deadline, 0, List.of());
        assertThat(calls.add(header)).isTrue();
        return header;
    }

    @Test
    void complete_whileLateCallsAreTold_tellsAllOfThem() {
        Deadline soon = Deadline.after(Duration.ofMillis(50));
        add(soon);
        add(soon);

        StepVerifier.create(calls.expired().doOnNext(first -> calls.complete()))
                .expectNextCount(2)
                .expectComplete()
                .verify(TIMEOUT);
        calls.dispose();
    }
}
