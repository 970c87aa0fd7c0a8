package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.PayloadTooLargeException;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import org.junit.jupiter.api.Test;

class ByteBudgetTest {

    private static final PeerId ANN = PeerIdentity.generate().id();
    private static final PeerId BEN = PeerIdentity.generate().id();
    private static final PeerId CEM = PeerIdentity.generate().id();

    private final ByteBudget budget = new ByteBudget(100);

    @Test
    void reserve_ofMoreThanAPeerMayEverHold_isTooLarge() {
        assertThatThrownBy(() -> budget.reserve(ANN, 51)).isInstanceOf(PayloadTooLargeException.class);
        assertThat(budget.heldBytes()).isZero();
    }

    @Test
    void reserve_beyondThePeersHalf_isOverloaded() {
        budget.reserve(ANN, 30);

        assertThatThrownBy(() -> budget.reserve(ANN, 21)).isInstanceOf(OverloadedException.class);
        budget.reserve(BEN, 50);
        assertThat(budget.heldBytes()).isEqualTo(80);
    }

    @Test
    void reserve_beyondTheWhole_isOverloadedUntilSomethingIsReleased() {
        budget.reserve(ANN, 50);
        ByteBudget.Reservation ben = budget.reserve(BEN, 40);

        assertThatThrownBy(() -> budget.reserve(CEM, 11))
                .isInstanceOfSatisfying(
                        OverloadedException.class,
                        overloaded -> assertThat(overloaded.retryAfter()).isPositive());
        ben.release();
        budget.reserve(CEM, 50);

        assertThat(budget.heldBytes()).isEqualTo(100);
    }

    @Test
    void release_twice_givesBackOnce() {
        ByteBudget.Reservation first = budget.reserve(ANN, 20);
        budget.reserve(ANN, 20);

        first.release();
        first.release();

        assertThat(budget.heldBytes()).isEqualTo(20);
        assertThatThrownBy(() -> budget.reserve(ANN, 31)).isInstanceOf(OverloadedException.class);
    }
}
