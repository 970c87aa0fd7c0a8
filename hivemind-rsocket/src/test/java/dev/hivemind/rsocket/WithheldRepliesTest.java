package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.frame.CallId;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import dev.hivemind.testkit.TrackedBuffers;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.test.scheduler.VirtualTimeScheduler;

/** Replies that wait for their callers to ask again, in virtual time. */
class WithheldRepliesTest {

    private static final int MIB = 1 << 20;
    private static final PeerId CALLER = PeerIdentity.generate().id();

    @RegisterExtension
    final TrackedBuffers buffers = new TrackedBuffers();

    private final ByteBudget budget = new ByteBudget(1L << 30);
    private final WithheldReplies withheld = new WithheldReplies(budget);
    private VirtualTimeScheduler clock;

    @BeforeEach
    void stopTime() {
        clock = VirtualTimeScheduler.getOrSet();
    }

    @AfterEach
    void budgetIsFree() {
        VirtualTimeScheduler.reset();
        withheld.dispose();
        assertThat(budget.heldBytes()).isZero();
    }

    private static Reply reply(int bytes) {
        return Reply.ofTensors(List.of(Bodies.frame(bytes)));
    }

    @Test
    void take_ofAKeptReply_handsItOverOnce() {
        CallId call = CallId.random();
        withheld.put(CALLER, call, reply(MIB));

        Reply taken = withheld.take(CALLER, call);

        assertThat(taken).isNotNull();
        taken.release();
        assertThat(withheld.take(CALLER, call)).isNull();
    }

    @Test
    void take_byAnotherPeer_findsNothing() {
        CallId call = CallId.random();
        withheld.put(CALLER, call, reply(MIB));

        assertThat(withheld.take(PeerIdentity.generate().id(), call)).isNull();
    }

    @Test
    void take_afterItsLifetime_findsNothingAndHoldsNothing() {
        CallId call = CallId.random();
        withheld.put(CALLER, call, reply(MIB));

        clock.advanceTimeBy(WithheldReplies.LIFETIME.minus(Duration.ofMillis(1)));
        assertThat(budget.heldBytes()).isEqualTo(MIB);
        clock.advanceTimeBy(Duration.ofMillis(1));

        assertThat(budget.heldBytes()).isZero();
        assertThat(withheld.take(CALLER, call)).isNull();
    }

    @Test
    void put_ofTheSameCallAgain_keepsTheLatter() {
        CallId call = CallId.random();
        withheld.put(CALLER, call, reply(MIB));
        withheld.put(CALLER, call, reply(2 * MIB));

        assertThat(budget.heldBytes()).isEqualTo(2 * MIB);
    }

    @Test
    void put_beyondTheBound_givesUpTheOldest() {
        CallId oldest = CallId.random();
        withheld.put(CALLER, oldest, reply(40 * MIB));
        withheld.put(CALLER, CallId.random(), reply(20 * MIB));
        withheld.put(CALLER, CallId.random(), reply(20 * MIB));

        assertThat(budget.heldBytes()).isEqualTo(40 * MIB);
        assertThat(withheld.take(CALLER, oldest)).isNull();
    }

    @Test
    void put_withoutRoomInTheBudget_keepsNothing() {
        var full = new ByteBudget(MIB);
        var kept = new WithheldReplies(full);
        CallId call = CallId.random();

        kept.put(CALLER, call, reply(MIB));

        assertThat(kept.take(CALLER, call)).isNull();
        assertThat(full.heldBytes()).isZero();
    }

    @Test
    void put_afterDispose_keepsNothing() {
        withheld.dispose();

        withheld.put(CALLER, CallId.random(), reply(MIB));

        assertThat(budget.heldBytes()).isZero();
    }
}
