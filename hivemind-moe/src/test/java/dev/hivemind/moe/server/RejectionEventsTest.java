package dev.hivemind.moe.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.moe.server.batching.BatchReport;
import dev.hivemind.moe.server.batching.PoolListener;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.testkit.ManualClock;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;

/** How often refusals are told of, on a clock that the test moves. */
class RejectionEventsTest {

    private static final RpcException FULL = new OverloadedException("full", Duration.ofMillis(1));
    private static final RpcException LATE = new DeadlineExceededException("late");
    private static final BatchReport BATCH = new BatchReport(7, 4, 1, Duration.ofMillis(3), Duration.ofMillis(2));

    private final ManualClock clock = new ManualClock();
    private final EventFeed feed = new EventFeed(Clock.systemUTC());
    private final PoolListener pool = new ExpertEvents(feed, clock::nanoTime).pool("ffn.0", Operation.EXPERT_BACKWARD);
    private final List<EventMessage> told = new ArrayList<>();
    private final Disposable observer = feed.events().subscribe(told::add);

    @AfterEach
    void leave() {
        observer.dispose();
    }

    private void refuse(RpcException reason, int times) {
        for (int i = 0; i < times; i++) {
            pool.refused(reason);
        }
    }

    @Test
    void refused_forTheFirstTime_isToldAtOnce() {
        refuse(FULL, 1);

        assertThat(told).singleElement().satisfies(event -> {
            assertThat(event.getRejection().getUid()).isEqualTo("ffn.0");
            assertThat(event.getRejection().getOperation()).isEqualTo(Operation.EXPERT_BACKWARD.wireId());
            assertThat(event.getRejection().getError()).isEqualTo("overloaded");
            assertThat(event.getRejection().getCalls()).isOne();
        });
    }

    @Test
    void refused_manyTimes_isToldOnceInAnIntervalWithTheNumber() {
        refuse(FULL, 1_000);
        clock.advance(ExpertEvents.INTERVAL);
        refuse(FULL, 1);

        assertThat(told).extracting(event -> event.getRejection().getCalls()).containsExactly(1L, 1_000L);
    }

    @Test
    void refused_forSeveralReasons_isToldForEach() {
        refuse(FULL, 2);
        refuse(LATE, 2);

        assertThat(told)
                .extracting(event -> event.getRejection().getError())
                .containsExactly("overloaded", "deadline-exceeded");
    }

    @Test
    void computed_afterRefusals_tellsTheRest() {
        refuse(FULL, 10);
        pool.computed(BATCH);

        assertThat(told).hasSize(3);
        assertThat(told.get(1).getBatch()).satisfies(batch -> {
            assertThat(batch.getRows()).isEqualTo(7);
            assertThat(batch.getCalls()).isEqualTo(4);
            assertThat(batch.getFailed()).isOne();
            assertThat(batch.getWaitedMicros()).isEqualTo(3_000);
            assertThat(batch.getComputedMicros()).isEqualTo(2_000);
        });
        assertThat(told.get(2).getRejection().getCalls()).isEqualTo(9);
    }

    @Test
    void isListening_whileNobodyObserves_isFalse() {
        assertThat(pool.isListening()).isTrue();

        observer.dispose();

        assertThat(pool.isListening()).isFalse();
    }
}
