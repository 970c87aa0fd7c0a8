package dev.hivemind.moe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.hivemind.moe.training.Batch;
import dev.hivemind.moe.training.HostTensor;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class BatchSourceTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final Counted samples = new Counted(10);

    /** Samples that are their numbers. */
    private static final class Counted implements SampleSet {

        private final long size;
        private final AtomicInteger reads = new AtomicInteger();
        private final AtomicInteger delivered = new AtomicInteger();
        private final AtomicInteger mostAhead = new AtomicInteger();
        private final AtomicInteger open = new AtomicInteger();
        private volatile int failingRead = Integer.MAX_VALUE;
        private volatile int hugeRead = Integer.MAX_VALUE;

        Counted(long size) {
            this.size = size;
        }

        @Override
        public long size() {
            return size;
        }

        @Override
        public Reader open() {
            open.incrementAndGet();
            return new Reader() {
                @Override
                public Rows read(long[] numbers) {
                    int read = reads.incrementAndGet();
                    mostAhead.accumulateAndGet(read - delivered.get(), Math::max);
                    if (read >= hugeRead) {
                        throw new OutOfMemoryError("Java heap space");
                    }
                    if (read >= failingRead) {
                        throw new DataException.Unreadable("numbers", new IOException("the disk is gone"));
                    }
                    return new Rows(List.of(HostTensor.of(numbers.clone(), numbers.length)), List.of());
                }

                @Override
                public void close() {
                    open.decrementAndGet();
                }
            };
        }

        @Override
        public void close() {}
    }

    private BatchSource.Builder source() {
        return BatchSource.builder(samples).batchSize(4).seed(5);
    }

    private static List<Long> numbers(Batch batch) {
        return LongStream.of(batch.inputs().get(0).longs()).boxed().toList();
    }

    private static List<Batch> first(int count, Flux<Batch> batches) {
        return batches.take(count).collectList().block(TIMEOUT);
    }

    private void awaitAllClosed() {
        Flux.interval(Duration.ofMillis(1))
                .onBackpressureDrop()
                .takeUntil(i -> samples.open.get() == 0)
                .blockLast(TIMEOUT);
    }

    @Test
    void batches_tooLargeForMemory_failAndSayWhatToLower() {
        samples.hugeRead = 2;

        StepVerifier.create(source().build().batches())
                .expectNextCount(1)
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(DataException.TooLarge.class)
                        .hasMessageContaining("Lower the batch size"))
                .verify(TIMEOUT);

        awaitAllClosed();
    }

    @Test
    void batches_farBeyondTheLastOne_areNone() {
        StepVerifier.create(source().build().batches(Long.MAX_VALUE))
                .expectComplete()
                .verify(TIMEOUT);
        StepVerifier.create(source().build().batches(Long.MAX_VALUE / 8))
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void batches_overEpochs_haveEachSampleOncePerEpochInAnotherOrder() {
        List<Long> all = source().epochs(3)
                .build()
                .batches()
                .flatMapIterable(BatchSourceTest::numbers)
                .collectList()
                .block(TIMEOUT);

        List<Long> expected = LongStream.range(0, 10).boxed().toList();
        assertThat(all).hasSize(30);
        assertThat(all.subList(0, 10)).containsExactlyInAnyOrderElementsOf(expected);
        assertThat(all.subList(10, 20)).containsExactlyInAnyOrderElementsOf(expected);
        assertThat(all.subList(20, 30)).containsExactlyInAnyOrderElementsOf(expected);
        assertThat(all.subList(0, 10)).isNotEqualTo(all.subList(10, 20)).isNotEqualTo(expected);
    }

    @Test
    void batches_acrossEpochs_haveTheSameSizeButTheLast() {
        List<Batch> batches = source().epochs(3).build().batches().collectList().block(TIMEOUT);

        assertThat(batches).extracting(Batch::rows).containsExactly(4, 4, 4, 4, 4, 4, 4, 2);
        assertThat(batches).extracting(Batch::index).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L);
        assertThat(batches).extracting(Batch::epoch).containsExactly(0, 0, 0, 1, 1, 2, 2, 2);
    }

    @Test
    void batches_fromANumber_goOnExactlyThere() {
        List<Batch> whole = first(40, source().build().batches());

        for (int from = 0; from < 35; from++) {
            List<Batch> rest = first(3, source().build().batches(from));
            for (int i = 0; i < rest.size(); i++) {
                assertThat(rest.get(i).index()).isEqualTo(from + i);
                assertThat(rest.get(i).epoch()).isEqualTo(whole.get(from + i).epoch());
                assertThat(numbers(rest.get(i))).isEqualTo(numbers(whole.get(from + i)));
            }
        }
    }

    @Test
    void batches_beyondTheLastEpoch_areNone() {
        StepVerifier.create(source().epochs(1).build().batches(3)).verifyComplete();
    }

    @Test
    void batches_inOrder_areInTheOrderOfTheSet() {
        assertThat(first(3, source().inOrder().build().batches()).stream().flatMap(batch -> numbers(batch).stream()))
                .containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 0L, 1L);
    }

    @Test
    void batches_ofASlowSubscriber_areReadNoFurtherAheadThanPrefetched() {
        var received = new ArrayList<Batch>();
        var slow = new BaseSubscriber<Batch>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {}

            @Override
            protected void hookOnNext(Batch batch) {
                samples.delivered.incrementAndGet();
                received.add(batch);
            }
        };
        source().prefetch(3).build().batches().subscribe(slow);

        for (int asked = 0; asked < 20; asked++) {
            awaitReads(asked + 3);
            slow.request(1);
            awaitReads(asked + 4);
        }
        slow.cancel();

        assertThat(received).hasSize(20);
        assertThat(samples.mostAhead.get()).isEqualTo(3);
        awaitAllClosed();
    }

    private void awaitReads(int count) {
        Flux.interval(Duration.ofMillis(1))
                .onBackpressureDrop()
                .takeUntil(i -> samples.reads.get() >= count)
                .blockLast(TIMEOUT);
    }

    @Test
    void batches_atTheEndOrCancelledOrFailed_closeTheirReader() {
        source().epochs(1).build().batches().blockLast(TIMEOUT);
        awaitAllClosed();
        first(2, source().build().batches());
        awaitAllClosed();
        samples.failingRead = samples.reads.get() + 3;
        StepVerifier.create(source().build().batches())
                .expectNextCount(2)
                .expectErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(DataException.Unreadable.class)
                        .hasMessageContaining("numbers"))
                .verify(TIMEOUT);
        awaitAllClosed();
    }

    @Test
    void identity_differsWithEverythingThatDecidesTheOrder() {
        assertThat(List.of(
                        source().build().identity(),
                        source().seed(6).build().identity(),
                        source().batchSize(5).build().identity(),
                        source().inOrder().build().identity(),
                        BatchSource.builder(new Counted(11))
                                .batchSize(4)
                                .seed(5)
                                .build()
                                .identity()))
                .doesNotHaveDuplicates();
        assertThat(source().prefetch(9).build().identity())
                .isEqualTo(source().build().identity());
    }

    @Test
    void settings_outOfBounds_areRefused() {
        assertThatThrownBy(() -> source().batchSize(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> source().prefetch(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> source().epochs(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> source().build().batches(-1)).isInstanceOf(IllegalArgumentException.class);
    }
}
