package dev.hivemind.moe.mixture;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How long a mixture waits for its experts, and how many of them it can do without.
 *
 * @param kMin answers that a sample needs, of the experts that were chosen for it; default 1
 * @param shortfall what becomes of a sample with fewer; default {@link Shortfall#RENORMALISE}
 * @param forwardTimeout for the forward pass, of which the search may take half; experts that did not answer are done
 *     without; default 10 s
 * @param backwardTimeout for the backward pass; default 10 s
 * @param timeoutAfterKMin how long the rest is waited for once every sample that still can has {@link #kMin} answers,
 *     forward and backward alike; null, the default, to wait for all until the timeout
 * @param backwardKMin answers that a sample needs on the way back, of the experts that answered forward; with fewer,
 *     {@link #shortfall} decides about its gradient, which is not scaled; default 1
 * @param detectAnomalies whether samples and gradients that come in are searched for numbers that are not finite, which
 *     are then an error; those of experts' answers are always found, and are a failure of the expert; default false
 * @param allowZeroOutputs whether a batch that nobody answers gives zeros, and is no error; default false
 */
public record MixturePolicy(
        int kMin,
        Shortfall shortfall,
        Duration forwardTimeout,
        Duration backwardTimeout,
        @Nullable Duration timeoutAfterKMin,
        int backwardKMin,
        boolean detectAnomalies,
        boolean allowZeroOutputs) {

    /** The default of every setting. */
    public static final MixturePolicy DEFAULT = new MixturePolicy(
            1, Shortfall.RENORMALISE, Duration.ofSeconds(10), Duration.ofSeconds(10), null, 1, false, false);

    /** Every answer is welcome and none is needed: what {@link RemoteSwitchMixtureOfExperts} begins with. */
    public static final MixturePolicy LENIENT = new MixturePolicy(
            0, Shortfall.RENORMALISE, Duration.ofSeconds(10), Duration.ofSeconds(10), null, 0, false, true);

    /** @throws IllegalArgumentException if a time is not positive or a number is negative; says what to change */
    public MixturePolicy {
        requireNonNull(shortfall, "shortfall");
        requirePositive(forwardTimeout, "forwardTimeout");
        requirePositive(backwardTimeout, "backwardTimeout");
        if (timeoutAfterKMin != null) {
            requirePositive(timeoutAfterKMin, "timeoutAfterKMin");
        }
        requireNotNegative(kMin, "kMin");
        requireNotNegative(backwardKMin, "backwardKMin");
    }

    /** The same policy with other numbers of answers that a sample needs, forward and backward. */
    public MixturePolicy withKMin(int forward, int backward) {
        return new MixturePolicy(
                forward,
                shortfall,
                forwardTimeout,
                backwardTimeout,
                timeoutAfterKMin,
                backward,
                detectAnomalies,
                allowZeroOutputs);
    }

    /** The same policy, by which something else becomes of samples with too few answers. */
    public MixturePolicy withShortfall(Shortfall other) {
        return new MixturePolicy(
                kMin,
                other,
                forwardTimeout,
                backwardTimeout,
                timeoutAfterKMin,
                backwardKMin,
                detectAnomalies,
                allowZeroOutputs);
    }

    /** The same policy with other timeouts. */
    public MixturePolicy withTimeouts(Duration forward, Duration backward) {
        return new MixturePolicy(
                kMin, shortfall, forward, backward, timeoutAfterKMin, backwardKMin, detectAnomalies, allowZeroOutputs);
    }

    /** The same policy with another time that is waited for what is not needed. */
    public MixturePolicy withTimeoutAfterKMin(@Nullable Duration timeout) {
        return new MixturePolicy(
                kMin,
                shortfall,
                forwardTimeout,
                backwardTimeout,
                timeout,
                backwardKMin,
                detectAnomalies,
                allowZeroOutputs);
    }

    /** The same policy, which searches what comes in for numbers that are not finite, or does not. */
    public MixturePolicy withDetectAnomalies(boolean detect) {
        return new MixturePolicy(
                kMin,
                shortfall,
                forwardTimeout,
                backwardTimeout,
                timeoutAfterKMin,
                backwardKMin,
                detect,
                allowZeroOutputs);
    }

    /** The same policy, by which a batch that nobody answers gives zeros, or fails. */
    public MixturePolicy withAllowZeroOutputs(boolean allow) {
        return new MixturePolicy(
                kMin,
                shortfall,
                forwardTimeout,
                backwardTimeout,
                timeoutAfterKMin,
                backwardKMin,
                detectAnomalies,
                allow);
    }

    private static void requirePositive(Duration duration, String name) {
        requireNonNull(duration, name);
        if (duration.isNegative() || duration.isZero()) {
            throw new IllegalArgumentException(
                    "%s is %s, which leaves the experts no time to answer: give it some, for example PT10S"
                            .formatted(name, duration));
        }
    }

    private static void requireNotNegative(int number, String name) {
        if (number < 0) {
            throw new IllegalArgumentException("%s is 0 or more, not %d".formatted(name, number));
        }
    }
}
