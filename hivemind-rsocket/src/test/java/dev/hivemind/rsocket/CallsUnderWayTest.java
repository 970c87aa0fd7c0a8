package dev.hivemind.rsocket;

import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.FrameHeader;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;

class CallsUnderWayTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    @Test
    void complete_whileLateCallsAreTold_tellsAllOfThem() {
        CallsUnderWay calls = twoThatWaitFor(Duration.ofMillis(50));

        StepVerifier.create(calls.expired().doOnNext(first -> calls.complete()))
                .expectNextCount(2)
                .expectComplete()
                .verify(TIMEOUT);
        calls.dispose();
    }

    /** Both are late at the same moment, which a slow machine may reach before they are added. */
    private static CallsUnderWay twoThatWaitFor(Duration time) {
        while (true) {
            var calls = new CallsUnderWay(2, new LinkActivity(true, () -> false));
            Deadline soon = Deadline.after(time);
            if (add(calls, soon) && add(calls, soon) && !soon.isPast()) {
                return calls;
            }
            calls.dispose();
        }
    }

    private static boolean add(CallsUnderWay calls, Deadline deadline) {
        return calls.add(
                new FrameHeader(Operation.EXPERT_FORWARD, "x", CallId.random(), deadline, 0, List.of()),
                CallMeters.Measured.NOT);
    }
}
