package dev.hivemind.moe.server.batching;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.rsocket.frame.Deadline;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

class BatchesOnDemandTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final WaitingTasks tasks = new WaitingTasks(System::nanoTime, 1, 1_000_000);
    private final BatchesOnDemand batches = new BatchesOnDemand(tasks, Schedulers.immediate(), found -> {});

    /** A task in a pool of its own. */
    private PoolQueue submit() {
        var group = new PoolGroup(queue -> {
            throw new AssertionError("The test makes its pools itself");
        });
        var pool = new PoolQueue(
                "test",
                group,
                BatchLimits.ofBatchSize(4),
                tensors -> {
                    throw new AssertionError("Nothing is computed here");
                },
                BatchListener.NONE);
        var task = Task.owning(new Call(List.of(), 1, Deadline.after(TIMEOUT), 0, Peers.peer(1)));
        assertThat(tasks.admit(pool, task)).isNull();
        assertThat(tasks.queue(pool, task)).isTrue();
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
