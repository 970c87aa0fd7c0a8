package dev.hivemind.moe.data;

import static java.util.Objects.requireNonNull;

import dev.hivemind.moe.training.Batch;
import java.nio.channels.ClosedByInterruptException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.SynchronousSink;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * Batches of a set of samples, epoch after epoch, in an order that the seed decides. A batch that does not fit into what is
 * left of an epoch goes on in the next one, so that all batches but the last have the same size. Which samples batch
 * <i>n</i> has depends on nothing but its number and these settings: whoever remembers the number of the next batch can go
 * on exactly there.
 *
 * <p>Immutable, and safe for use from any thread; the set stays the caller's and is closed after the last subscription.
 */
public final class BatchSource {

    /** Batches that are read ahead, unless told otherwise. */
    public static final int DEFAULT_PREFETCH = 4;

    /** The most samples that a batch has. */
    public static final int MAX_BATCH_SIZE = 1 << 20;

    private static final String BATCH = "a batch";
    private static final int MAX_PREFETCH = 1_024;

    private final SampleSet samples;
    private final EpochOrder order;
    private final int batchSize;
    private final long total;
    private final int prefetch;

    private BatchSource(Builder builder) {
        this.samples = builder.samples;
        this.order = new EpochOrder(samples.size(), builder.seed, builder.shuffled);
        this.batchSize = builder.batchSize;
        this.total = builder.epochs > Long.MAX_VALUE / order.size() ? Long.MAX_VALUE : builder.epochs * order.size();
        this.prefetch = builder.prefetch;
    }

    /** Starts the description of a source. */
    public static Builder builder(SampleSet samples) {
        return new Builder(requireNonNull(samples, "samples"));
    }

    /**
     * What decides which samples a batch has, as text: a run that is resumed needs a source for which it is the same. Blocks
     * for files where the {@linkplain SampleSet#fingerprint fingerprint} of the samples does.
     *
     * @throws DataException if they cannot be read
     */
    public String identity() {
        return "%d samples (%08x) in batches of %d, %s"
                .formatted(
                        order.size(),
                        samples.fingerprint(),
                        batchSize,
                        order.shuffled() ? "shuffled by seed " + order.seed() : "in order");
    }

    /** All batches from the first. */
    public Flux<Batch> batches() {
        return batches(0);
    }

    /**
     * The batches from one on. Cold: every subscription opens the files anew, and reads on a thread of its own, which ends
     * with it.
     *
     * <p>Demand: reads as many batches as are asked for and as many more as are read ahead, and no further. Memory: that
     * many batches. Thread: signals arrive on the reading thread, or on the one that asks for more; a subscriber that
     * computes goes elsewhere. Cancellation: files are closed when the read under way has ended. Errors:
     * {@link DataException}.
     *
     * @param firstBatch number of the first, at least 0; beyond the last epoch there are none
     */
    public Flux<Batch> batches(long firstBatch) {
        if (firstBatch < 0) {
            throw new IllegalArgumentException("Batches count from 0, not from " + firstBatch);
        }
        return Flux.using(
                BatchSource::newThread,
                thread -> readOn(Schedulers.fromExecutorService(thread), firstBatch),
                ExecutorService::shutdown,
                false);
    }

    private static ExecutorService newThread() {
        return Executors.newSingleThreadExecutor(work -> {
            var thread = new Thread(work, "hivemind-data");
            thread.setDaemon(true);
            return thread;
        });
    }

    private Flux<Batch> readOn(Scheduler thread, long firstBatch) {
        return Flux.<Batch, Cursor>generate(
                        () -> new Cursor(samples.open(), firstBatch), Cursor::emitNext, Cursor::close)
                .subscribeOn(thread)
                .limitRate(prefetch, 1);
    }

    /** Where one subscription stands. */
    private final class Cursor {

        private final SampleSet.Reader reader;
        private long batch;

        Cursor(SampleSet.Reader reader, long batch) {
            this.reader = reader;
            this.batch = batch;
        }

        Cursor emitNext(SynchronousSink<Batch> sink) {
            int rows = rows();
            if (rows == 0) {
                sink.complete();
                return this;
            }
            Batch next;
            try {
                next = read(batch * batchSize, rows);
            } catch (DataException e) {
                endOf(sink, e);
                return this;
            } catch (OutOfMemoryError | ArithmeticException tooLarge) {
                sink.error(new DataException.TooLarge(BATCH, noRoomFor(rows), tooLarge));
                return this;
            }
            batch++;
            sink.next(next);
            return this;
        }

        /** Reactor hands no lack of memory on; and readers count exactly how many values a batch takes. */
        private static String noRoomFor(int rows) {
            return "A batch of %d samples does not fit into memory. Lower the batch size, or give the JVM more memory (-Xmx)."
                    .formatted(rows);
        }

        /** An interrupt comes with the end of the subscription alone. */
        private void endOf(SynchronousSink<Batch> sink, DataException e) {
            if (e.getCause() instanceof ClosedByInterruptException) {
                sink.complete();
            } else {
                sink.error(e);
            }
        }

        private int rows() {
            return batch > total / batchSize ? 0 : (int) Math.min(batchSize, total - batch * batchSize);
        }

        private Batch read(long first, int rows) {
            long[] numbers = new long[rows];
            for (int row = 0; row < rows; row++) {
                long sample = first + row;
                numbers[row] = order.sampleAt(sample / order.size(), sample % order.size());
            }
            SampleSet.Rows read = reader.read(numbers);
            return new Batch(batch, Math.toIntExact(first / order.size()), read.inputs(), read.targets());
        }

        void close() {
            reader.close();
        }
    }

    /** Collects the settings of a source. Not thread-safe. */
    public static final class Builder {

        /** As many as an epoch's number can tell apart. */
        private static final long ENDLESS = 1L << 31;

        private final SampleSet samples;
        private int batchSize = 32;
        private long seed;
        private boolean shuffled = true;
        private long epochs = ENDLESS;
        private int prefetch = DEFAULT_PREFETCH;

        private Builder(SampleSet samples) {
            this.samples = samples;
        }

        /** Samples of a batch, 1 to 1,048,576. Default: 32. */
        public Builder batchSize(int batchSize) {
            requireBetween("batchSize", 1, batchSize, MAX_BATCH_SIZE);
            this.batchSize = batchSize;
            return this;
        }

        /** Decides the order. Default: 0. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** The samples in the order of the set, as for a test. Default: shuffled. */
        public Builder inOrder() {
            this.shuffled = false;
            return this;
        }

        /** How often each sample comes, at least once. Default: without end. */
        public Builder epochs(int epochs) {
            requireBetween("epochs", 1, epochs, Integer.MAX_VALUE);
            this.epochs = epochs;
            return this;
        }

        /** Batches that are read ahead at most, 1 to 1,024. Default: 4. */
        public Builder prefetch(int batches) {
            requireBetween("prefetch", 1, batches, MAX_PREFETCH);
            this.prefetch = batches;
            return this;
        }

        private static void requireBetween(String name, int min, int value, int max) {
            if (value < min || value > max) {
                throw new IllegalArgumentException(
                        "%s lies between %d and %d, unlike %d".formatted(name, min, max, value));
            }
        }

        /** The source. Nothing is read before it is subscribed to. */
        public BatchSource build() {
            return new BatchSource(this);
        }
    }
}
