package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import reactor.test.StepVerifier;

class FairGateTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final FairGate gate = new FairGate(10);

    @Test
    void enter_whileThereIsRoom_isOpenAtOnce() {
        assertThat(isOpen(gate.enter(4))).isTrue();
        assertThat(isOpen(gate.enter(6))).isTrue();
        assertThat(isOpen(gate.enter(1))).isFalse();
        assertThat(gate.taken()).isEqualTo(10);
    }

    @Test
    void enter_beyondTheCapacity_isOpenWhenAlone() {
        assertThat(isOpen(gate.enter(100))).isTrue();
        assertThat(isOpen(gate.enter(0))).isFalse();
    }

    @Test
    void enter_behindOneThatWaitsForMuch_doesNotOvertakeIt() {
        FairGate.Pass first = gate.enter(6);
        FairGate.Pass large = gate.enter(8);
        FairGate.Pass small = gate.enter(2);
        assertThat(isOpen(small)).isFalse();

        StepVerifier.create(large.opened().then(small.opened()))
                .then(first::leave)
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(gate.taken()).isEqualTo(10);
    }

    @Test
    void leave_ofOneThatWaits_letsTheNextIn() {
        gate.enter(6);
        FairGate.Pass large = gate.enter(8);
        FairGate.Pass small = gate.enter(2);

        StepVerifier.create(small.opened()).then(large::leave).expectComplete().verify(TIMEOUT);
        assertThat(isOpen(large)).isFalse();
        assertThat(gate.taken()).isEqualTo(8);
    }

    @Test
    void leave_twice_givesThePermitsBackOnce() {
        FairGate.Pass first = gate.enter(6);
        gate.enter(4);

        first.leave();
        first.leave();
        first.change(9);

        assertThat(gate.taken()).isEqualTo(4);
    }

    @Test
    void change_toMore_keepsOthersOutUntilItIsLessAgain() {
        FairGate.Pass first = gate.enter(1);
        first.change(30);
        FairGate.Pass second = gate.enter(5);
        assertThat(isOpen(second)).isFalse();

        StepVerifier.create(second.opened())
                .then(() -> first.change(5))
                .expectComplete()
                .verify(TIMEOUT);
        assertThat(gate.taken()).isEqualTo(10);
    }

    private static boolean isOpen(FairGate.Pass pass) {
        return pass.opened() instanceof Callable;
    }
}
