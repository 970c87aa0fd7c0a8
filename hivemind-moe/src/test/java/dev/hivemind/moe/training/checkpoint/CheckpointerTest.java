package dev.hivemind.moe.training.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.hivemind.moe.training.StepReport;
import dev.hivemind.moe.training.TrainerState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class CheckpointerTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    @TempDir
    private Path directory;

    private final AtomicInteger step = new AtomicInteger();
    private final AtomicLong nanos = new AtomicLong();
    private final List<Integer> saved = new CopyOnWriteArrayList<>();
    private final List<CheckpointException> failures = new CopyOnWriteArrayList<>();

    private final CheckpointListener listener = new CheckpointListener() {
        @Override
        public void saved(Path file, int step) {
            saved.add(step);
        }

        @Override
        public void failed(CheckpointException reason) {
            failures.add(reason);
        }
    };

    private Checkpointer checkpointer(CheckpointPolicy policy) {
        return checkpointer(policy, UnaryOperator.identity());
    }

    private Checkpointer checkpointer(CheckpointPolicy policy, UnaryOperator<WritableByteChannel> disk) {
        return new Checkpointer(new CheckpointStore(directory, 100, disk), policy, "data", listener, nanos::get);
    }

    private static StepReport report(int step) {
        return new StepReport(
                step,
                0,
                step - 1,
                1,
                1,
                OptionalDouble.empty(),
                0,
                0.1,
                0,
                new StepReport.Totals(step, 1, 0, 0, 0, 0, 0));
    }

    /** A step each second. */
    private Flux<StepReport> training(int steps) {
        return Flux.range(1, steps).map(number -> {
            step.set(number);
            nanos.addAndGet(Duration.ofSeconds(1).toNanos());
            return report(number);
        });
    }

    private Mono<TrainerState> state() {
        return Mono.defer(() -> Mono.just(TrainerStates.ofStep(step.get())));
    }

    /** One report after the other, each after the checkpoints that are expected by then. */
    private void train(Flux<StepReport> training, int steps, Integer... savedSteps) {
        StepVerifier.Step<Integer> verifier = StepVerifier.create(training.map(StepReport::step), 0);
        for (int number = 1; number <= steps; number++) {
            int last = number;
            long expected = Stream.of(savedSteps)
                    .filter(saved -> saved <= last && saved < steps)
                    .count();
            verifier = verifier.thenRequest(1).expectNext(number).then(() -> awaitSaved(expected));
        }
        verifier.expectComplete().verify(TIMEOUT);
        assertThat(saved).containsExactly(savedSteps);
    }

    private void awaitSaved(long count) {
        Flux.interval(Duration.ofMillis(1))
                .onBackpressureDrop()
                .takeUntil(i -> saved.size() + failures.size() >= count)
                .blockLast(TIMEOUT);
    }

    @Test
    void saving_everySoManySteps_savesTheseAndTheLast() {
        train(checkpointer(CheckpointPolicy.everySteps(4)).saving(training(10), state()), 10, 4, 8, 10);

        assertThat(new CheckpointStore(directory, 1).latest().state().step()).isEqualTo(10);
    }

    @Test
    void saving_everySoMuchTime_savesThen() {
        train(checkpointer(CheckpointPolicy.every(Duration.ofSeconds(3))).saving(training(7), state()), 7, 3, 6, 7);
    }

    @Test
    void saving_lastStepSavedAlready_isNotSavedTwice() {
        train(checkpointer(CheckpointPolicy.everySteps(2)).saving(training(4), state()), 4, 2, 4);
    }

    @Test
    void saving_failedTraining_savesTheLastStepAndFails() {
        var failure = new IllegalStateException("not a number");

        StepVerifier.create(checkpointer(CheckpointPolicy.everySteps(40))
                        .saving(training(6).concatWith(Mono.error(failure)), state()))
                .expectNextCount(6)
                .expectErrorSatisfies(error -> assertThat(error).isSameAs(failure))
                .verify(TIMEOUT);

        assertThat(saved).containsExactly(6);
    }

    @Test
    void saving_onASlowDisk_trainsOnAndSavesTheLastStep() throws InterruptedException {
        var reached = new CountDownLatch(1);
        var gate = new CountDownLatch(1);
        var seen = new AtomicInteger();
        var ended = new CountDownLatch(1);
        checkpointer(CheckpointPolicy.everySteps(2), channel -> slow(channel, reached, gate))
                .saving(training(50), state())
                .doOnNext(report -> seen.set(report.step()))
                .doFinally(signal -> ended.countDown())
                .subscribe();

        assertThat(reached.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(seen.get()).isEqualTo(50);
        gate.countDown();

        assertThat(ended.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(saved).containsExactly(2, 50);
    }

    private static WritableByteChannel slow(WritableByteChannel channel, CountDownLatch reached, CountDownLatch gate) {
        return new Disk(channel, bytes -> {
            reached.countDown();
            try {
                gate.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            return channel.write(bytes);
        });
    }

    @Test
    void saving_cancelledWhileSaving_deletesWhatWasWrittenAndTellsNobody() throws InterruptedException {
        var reached = new CountDownLatch(1);
        var given = new CountDownLatch(1);
        StepVerifier.create(checkpointer(
                                CheckpointPolicy.everySteps(1),
                                channel -> new Disk(channel, bytes -> {
                                    reached.countDown();
                                    try {
                                        new CountDownLatch(1).await();
                                    } catch (InterruptedException e) {
                                        given.countDown();
                                        throw new IOException(e);
                                    }
                                    return 0;
                                }))
                        .saving(training(1).concatWith(Flux.never()), state()))
                .expectNextCount(1)
                .then(() -> assertThatCode(() -> reached.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS))
                        .doesNotThrowAnyException())
                .thenCancel()
                .verify(TIMEOUT);

        assertThat(given.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        Flux.interval(Duration.ofMillis(1))
                .onBackpressureDrop()
                .takeUntil(i -> directory.toFile().list().length == 0)
                .blockLast(TIMEOUT);
        assertThat(saved).isEmpty();
        assertThat(failures).isEmpty();
    }

    @Test
    void saving_onAFullDisk_tellsAndTrainsOn() {
        var writes = new AtomicInteger();
        UnaryOperator<WritableByteChannel> disk = channel -> writes.incrementAndGet() == 1
                ? new Disk(channel, bytes -> {
                    throw new IOException("No space left on device");
                })
                : channel;

        StepVerifier.create(checkpointer(CheckpointPolicy.everySteps(4), disk).saving(training(6), state()))
                .expectNextCount(6)
                .expectComplete()
                .verify(TIMEOUT);

        assertThat(saved).containsExactly(6);
        assertThat(failures)
                .singleElement()
                .satisfies(error -> assertThat(error).hasMessageContaining("No space left on device"));
    }

    @Test
    void saving_withoutMemory_tellsAndSavesAtTheEnd() {
        var writes = new AtomicInteger();
        UnaryOperator<WritableByteChannel> disk = channel -> writes.incrementAndGet() == 1
                ? new Disk(channel, bytes -> {
                    throw new OutOfMemoryError("Cannot reserve bytes of direct buffer memory");
                })
                : channel;

        StepVerifier.create(checkpointer(CheckpointPolicy.everySteps(4), disk).saving(training(4), state()))
                .expectNextCount(4)
                .expectComplete()
                .verify(TIMEOUT);

        assertThat(saved).containsExactly(4);
        assertThat(failures)
                .singleElement()
                .satisfies(error -> assertThat(error).hasMessageContaining("more memory"));
        assertThat(directory.toFile().list()).hasSize(1);
    }

    @Test
    void saving_withAListenerThatThrows_savesAllAndEndsWell() {
        var told = new CopyOnWriteArrayList<Integer>();
        var throwing = new CheckpointListener() {
            @Override
            public void saved(Path file, int step) {
                told.add(step);
                throw new IllegalStateException("no dashboard");
            }

            @Override
            public void failed(CheckpointException reason) {
                failures.add(reason);
                throw new IllegalStateException("no dashboard");
            }
        };
        var writes = new AtomicInteger();
        UnaryOperator<WritableByteChannel> disk = channel -> writes.incrementAndGet() == 1
                ? new Disk(channel, bytes -> {
                    throw new IOException("No space left on device");
                })
                : channel;
        var store = new CheckpointStore(directory, 100, disk);

        StepVerifier.create(new Checkpointer(store, CheckpointPolicy.everySteps(3), "data", throwing, nanos::get)
                        .saving(training(3), state()))
                .expectNextCount(3)
                .expectComplete()
                .verify(TIMEOUT);

        assertThat(told).containsExactly(3);
        assertThat(failures).hasSize(1);
    }

    /** A channel whose writes do something else. */
    private record Disk(WritableByteChannel channel, Writing writing) implements WritableByteChannel {

        interface Writing {
            int write(ByteBuffer bytes) throws IOException;
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            return writing.write(bytes);
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    @Test
    void saving_stateThatIsNotTold_isAFailedCheckpoint() {
        checkpointer(CheckpointPolicy.everySteps(20))
                .saving(training(2), Mono.error(new IllegalStateException("closed")))
                .blockLast(TIMEOUT);

        assertThat(saved).isEmpty();
        assertThat(failures).hasSize(1);
    }

    @Test
    void saving_asksForNoMoreThanItsSubscriber() {
        var asked = new AtomicLong();

        StepVerifier.create(
                        checkpointer(CheckpointPolicy.everySteps(1))
                                .saving(training(100).doOnRequest(asked::addAndGet), state()),
                        0)
                .thenRequest(3)
                .expectNextCount(3)
                .thenCancel()
                .verify(TIMEOUT);

        assertThat(asked.get()).isEqualTo(3);
    }
}
