package dev.hivemind.benchmarks.throughput;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Callers that each make one call after another.
 *
 * <p>What is measured lies between two moments at which all are busy: the first when each has had an answer, the second
 * some time later. All go on until the calls that are under way at the second moment have been answered, so that none of
 * them is faster for want of others.
 */
final class SteadyLoad {

    private final Duration time;
    private final List<Loop> loops;
    private final AtomicInteger starting;
    private final AtomicInteger unmeasured;
    private final AtomicInteger running;
    private final CompletableFuture<Window> end = new CompletableFuture<>();
    private volatile long from;
    private volatile boolean timed;

    private SteadyLoad(List<ExpertCaller> callers, Duration time) {
        this.time = time;
        this.loops = callers.stream().map(Loop::new).toList();
        this.starting = new AtomicInteger(loops.size());
        this.unmeasured = new AtomicInteger(loops.size());
        this.running = new AtomicInteger(loops.size());
    }

    /** Starts the callers; the result comes when all have stopped. */
    static CompletableFuture<Window> start(List<ExpertCaller> callers, Duration time) {
        var load = new SteadyLoad(callers, time);
        load.loops.forEach(Loop::next);
        return load.end;
    }

    private long to() {
        return from + time.toNanos();
    }

    private void started() {
        if (starting.decrementAndGet() == 0) {
            from = System.nanoTime();
            timed = true;
        }
    }

    private void stopped() {
        if (running.decrementAndGet() == 0) {
            end.complete(new Window(
                    from, to(), loops.stream().map(loop -> loop.rounds).toList()));
        }
    }

    /** One caller. Its signals come one after another. */
    private final class Loop {

        private final ExpertCaller caller;
        private final List<Round> rounds = new ArrayList<>();
        private boolean measured;

        Loop(ExpertCaller caller) {
            this.caller = caller;
        }

        void next() {
            caller.round().subscribe(this::ended, end::completeExceptionally);
        }

        private void ended(Round round) {
            rounds.add(round);
            if (rounds.size() == 1) {
                started();
            }
            if (timed && !measured && round.end() - to() > 0) {
                measured = true;
                unmeasured.decrementAndGet();
            }
            if (unmeasured.get() > 0) {
                next();
            } else {
                stopped();
            }
        }
    }
}
