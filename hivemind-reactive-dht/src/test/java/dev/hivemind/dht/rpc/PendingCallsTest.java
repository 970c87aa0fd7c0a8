package dev.hivemind.dht.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.error.OverloadedException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class PendingCallsTest {

    private static final NodeId ANNE = peer(1);
    private static final NodeId BOB = peer(2);

    private final PendingCalls pending = new PendingCalls(4, 3);
    private final List<Disposable> waiting = new ArrayList<>();

    @AfterEach
    void giveUp() {
        waiting.forEach(Disposable::dispose);
        assertThat(pending.callers()).isZero();
    }

    private static NodeId peer(int number) {
        byte[] bytes = new byte[32];
        bytes[0] = (byte) number;
        return NodeId.fromBytes(bytes);
    }

    private void waitFor(NodeId caller, int calls) {
        for (int i = 0; i < calls; i++) {
            waiting.add(pending.admit(caller, Mono.never()).subscribe());
        }
    }

    private StepVerifier.FirstStep<String> next(NodeId caller) {
        return StepVerifier.create(pending.admit(caller, Mono.just("served")));
    }

    @Test
    void admit_beyondTheBoundOfACaller_refusesThatCallerOnly() {
        waitFor(ANNE, 3);

        next(ANNE).verifyError(OverloadedException.class);
        next(BOB).expectNext("served").verifyComplete();
    }

    @Test
    void admit_beyondTheBoundOfAll_refusesEverybody() {
        waitFor(ANNE, 2);
        waitFor(BOB, 2);

        next(ANNE).verifyError(OverloadedException.class);
        next(peer(3)).verifyError(OverloadedException.class);
    }

    @Test
    void admit_afterACallWasGivenUp_servesTheNext() {
        waitFor(ANNE, 3);
        waiting.remove(0).dispose();

        next(ANNE).expectNext("served").verifyComplete();
    }

    @Test
    void admit_ofManyCallsOneAfterTheOther_servesAll() {
        for (int i = 0; i < 10; i++) {
            next(ANNE).expectNext("served").verifyComplete();
        }
    }
}
