package dev.hivemind.benchmarks.wire;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Keeps a fixed number of calls under way until its time is over: the end of one starts the next. */
final class ClosedLoop {

    private static final int MAX_LATENCIES = 1 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Call call;
    private final long startNanos = System.nanoTime();
    private final long deadlineNanos;
    private final AtomicInteger underWay;
    private final AtomicInteger calls = new AtomicInteger();
    private final long[] latencies = new long[MAX_LATENCIES];
    private final CompletableFuture<Tally> end = new CompletableFuture<>();

    private ClosedLoop(Call call, int window, Duration time) {
        this.call = call;
        this.deadlineNanos = startNanos + time.toNanos();
        this.underWay = new AtomicInteger(window);
    }

    /**
     * Makes calls for so long and returns when the last has ended.
     *
     * @param window how many calls are under way
     */
    static Tally run(Call call, int window, Duration time) throws Exception {
        return start(call, window, time).get(time.plus(PATIENCE).toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Makes calls for so long, in the background. */
    static CompletableFuture<Tally> start(Call call, int window, Duration time) {
        var loop = new ClosedLoop(call, window, time);
        for (int i = 0; i < window; i++) {
            loop.next();
        }
        return loop.end;
    }

    private void next() {
        call.start(new Timed(System.nanoTime()));
    }

    private void finish() {
        long nanos = System.nanoTime() - startNanos;
        long[] sorted = Arrays.copyOf(latencies, Math.min(calls.get(), MAX_LATENCIES));
        Arrays.sort(sorted);
        end.complete(new Tally(calls.get(), nanos, sorted));
    }

    private final class Timed implements Call.Outcome {

        private final long sentNanos;

        Timed(long sentNanos) {
            this.sentNanos = sentNanos;
        }

        @Override
        public void done() {
            long now = System.nanoTime();
            latencies[calls.getAndIncrement() % MAX_LATENCIES] = now - sentNanos;
            if (now < deadlineNanos) {
                next();
            } else if (underWay.decrementAndGet() == 0) {
                finish();
            }
        }

        @Override
        public void failed(Throwable error) {
            end.completeExceptionally(error);
        }
    }
}
