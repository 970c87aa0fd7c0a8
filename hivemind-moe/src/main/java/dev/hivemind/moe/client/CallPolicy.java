package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import dev.hivemind.rsocket.RetryPolicy;
import dev.hivemind.rsocket.compression.Compression;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * How long calls to experts may take, how often they are tried, how their tensors are written, and how far answers are
 * trusted.
 *
 * <p>Compression is lossy, so none is used by default. {@link Compression#INT8} cuts traffic to about a quarter.
 * Integers, and tensors that would not shrink, travel as they are; so does everything to a peer that does not know the
 * codec.
 *
 * @param forwardTimeout for one forward call, from its subscription to its answer, all attempts included; default 10 s
 * @param backwardTimeout for one backward call; default 10 s
 * @param discoveryTimeToLive how long the list of living experts is used before the DHT is asked again; default 10 s
 * @param activations for the inputs and outputs of experts; default none
 * @param gradients for the gradients of outputs and inputs; default none
 * @param retry repeats calls after transient errors; an expert takes one step for them all; default three attempts
 * @param finiteAnswers whether an answer with a number that is not finite is a failed call, which costs a look at every
 *     number; default false
 * @param streams whether calls travel over long-lived streams, one for each expert and direction, as many at once as the
 *     peer asks for: then those for which it has no room wait here instead of being refused; default false
 */
public record CallPolicy(
        Duration forwardTimeout,
        Duration backwardTimeout,
        Duration discoveryTimeToLive,
        Compression activations,
        Compression gradients,
        RetryPolicy retry,
        boolean finiteAnswers,
        boolean streams) {

    /** The default times and attempts, without compression, and without a look at the numbers. */
    public static final CallPolicy DEFAULT = new CallPolicy(
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            Compression.NONE,
            Compression.NONE,
            RetryPolicy.DEFAULT,
            false,
            false);

    /** @throws IllegalArgumentException if a time is zero or negative */
    public CallPolicy {
        requirePositive(forwardTimeout, "forwardTimeout");
        requirePositive(backwardTimeout, "backwardTimeout");
        requirePositive(discoveryTimeToLive, "discoveryTimeToLive");
        requireNonNull(activations, "activations");
        requireNonNull(gradients, "gradients");
        requireNonNull(retry, "retry");
    }

    /** The same policy with another forward timeout. */
    public CallPolicy withForwardTimeout(Duration timeout) {
        return changed(draft -> draft.forwardTimeout = timeout);
    }

    /** The same policy with another backward timeout. */
    public CallPolicy withBackwardTimeout(Duration timeout) {
        return changed(draft -> draft.backwardTimeout = timeout);
    }

    /** The same policy with another lifetime of discovered experts. */
    public CallPolicy withDiscoveryTimeToLive(Duration timeToLive) {
        return changed(draft -> draft.discoveryTimeToLive = timeToLive);
    }

    /** The same policy with another compression of inputs and outputs. */
    public CallPolicy withActivations(Compression compression) {
        return changed(draft -> draft.activations = compression);
    }

    /** The same policy with another compression of gradients. */
    public CallPolicy withGradients(Compression compression) {
        return changed(draft -> draft.gradients = compression);
    }

    /** The same policy with other attempts. */
    public CallPolicy withRetry(RetryPolicy other) {
        return changed(draft -> draft.retry = other);
    }

    /** The same policy, which takes answers with numbers that are not finite for failed calls, or not. */
    public CallPolicy withFiniteAnswers(boolean required) {
        return changed(draft -> draft.finiteAnswers = required);
    }

    /** The same policy, by which calls travel over long-lived streams, or one by one. */
    public CallPolicy withStreams(boolean wanted) {
        return changed(draft -> draft.streams = wanted);
    }

    private CallPolicy changed(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.policy();
    }

    private static void requirePositive(Duration duration, String name) {
        requireNonNull(duration, name);
        if (duration.isNegative() || duration.isZero()) {
            throw new IllegalArgumentException(name + " is positive, not " + duration);
        }
    }

    /** A policy that is being changed. */
    private static final class Draft {

        private Duration forwardTimeout;
        private Duration backwardTimeout;
        private Duration discoveryTimeToLive;
        private Compression activations;
        private Compression gradients;
        private RetryPolicy retry;
        private boolean finiteAnswers;
        private boolean streams;

        Draft(CallPolicy policy) {
            forwardTimeout = policy.forwardTimeout;
            backwardTimeout = policy.backwardTimeout;
            discoveryTimeToLive = policy.discoveryTimeToLive;
            activations = policy.activations;
            gradients = policy.gradients;
            retry = policy.retry;
            finiteAnswers = policy.finiteAnswers;
            streams = policy.streams;
        }

        CallPolicy policy() {
            return new CallPolicy(
                    forwardTimeout,
                    backwardTimeout,
                    discoveryTimeToLive,
                    activations,
                    gradients,
                    retry,
                    finiteAnswers,
                    streams);
        }
    }
}
