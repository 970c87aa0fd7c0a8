package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

class BatchesOnDemandTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final ClockedTasks clocked = new ClockedTasks();
    private final WaitingTasks tasks = clocked.waiting();
    private final BatchesOnDemand batches = new BatchesOnDemand(tasks, Schedulers.immediate(), found -> {});

    /** A task in a pool of its own. */
    private PoolQueue submit() {
        PoolQueue pool = ClockedTasks.newPool(BatchLimits.ofBatchSize(4));
        clocked.queued(pool, clocked.task(1, 1));
        batches.wake();
        return pool;
    }

    @Test
    void batches_withoutARequest_areNotFormed() {
        StepVerifier.create(batches, 0)
                .then(this::submit)
                .then(this::submit)
                .then(() -> assertThat(batches.wake()).isFalse())
                .thenRequest(1)
                .expectNextCount(1)
                .then(() -> assertThat(tasks.isEmpty()).isFalse())
                .thenRequest(1)
                .expectNextCount(1)
                .then(() -> assertThat(tasks.isEmpty()).isTrue())
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void batches_requestedBeforeThereIsATask_areFormedWhenOneComes() {
        StepVerifier.create(batches, 1)
                .then(this::submit)
                .expectNextCount(1)
                .then(this::submit)
                .then(() -> assertThat(tasks.isEmpty()).isFalse())
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void complete_endsTheFlowWithoutARequest() {
        StepVerifier.create(batches, 0).then(batches::complete).expectComplete().verify(TIMEOUT);
    }

    @Test
    void subscribe_ofASecondDevice_isRefused() {
        StepVerifier.create(batches, 0).thenCancel().verify(TIMEOUT);

        StepVerifier.create(batches).expectError(IllegalStateException.class).verify(TIMEOUT);
    }
}
