package dev.hivemind.rsocket;

/** The moment in a call from which on it changes state, and so must not be executed again. Thread-safe. */
@FunctionalInterface
public interface PointOfNoReturn {

    /**
     * Passes the point, or learns that the call was given up before. Called right before the first change of state, as
     * often as is convenient: the answer stays the same once it was yes.
     *
     * @return whether to go on; if not, nothing may be changed and no answer is needed
     */
    boolean pass();
}
