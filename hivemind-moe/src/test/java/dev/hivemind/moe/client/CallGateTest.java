package dev.hivemind.moe.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CallGateTest {

    @Test
    void enter_beyondTheLimits_waitsInTheOrderOfArrival() {
        var gate = new CallGate(new ClientLimits(10, 100));
        CallGate.Pass first = gate.enter(60);
        CallGate.Pass large = gate.enter(50);
        CallGate.Pass small = gate.enter(1);

        assertThat(List.of(first.isOpen(), large.isOpen(), small.isOpen())).containsExactly(true, false, false);

        first.leave();

        assertThat(List.of(large.isOpen(), small.isOpen())).containsExactly(true, true);
    }

    @Test
    void leave_ofOneThatWaits_letsThoseBehindItGo() {
        var gate = new CallGate(new ClientLimits(10, 100));
        gate.enter(60);
        CallGate.Pass large = gate.enter(50);
        CallGate.Pass small = gate.enter(40);

        large.leave();
        large.leave();

        assertThat(small.isOpen()).isTrue();
        assertThat(gate.underWay()).isEqualTo(2);
    }

    @Test
    void leave_beforeMoreThatLeaveAtOnceThanAStackHolds_letsAllGo() {
        var gate = new CallGate(new ClientLimits(1, 1));
        CallGate.Pass first = gate.enter(1);
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            int number = i;
            CallGate.Pass pass = gate.enter(1);
            pass.opened().subscribe(never -> {}, error -> {}, () -> {
                order.add(number);
                pass.leave();
            });
        }

        first.leave();

        assertThat(order).hasSize(100_000).isSorted();
        assertThat(gate.underWay()).isZero();
        assertThat(gate.waiting()).isZero();
    }
}
