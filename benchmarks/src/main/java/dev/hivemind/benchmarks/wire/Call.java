package dev.hivemind.benchmarks.wire;

/** A call that can be made again and again. Closing it frees its message. */
interface Call extends AutoCloseable {

    /** Starts the call once more. Any thread; the outcome comes later, on an event loop. */
    void start(Outcome outcome);

    @Override
    void close();

    /** Hears of the end of one call, once. */
    interface Outcome {

        void done();

        void failed(Throwable error);
    }
}
