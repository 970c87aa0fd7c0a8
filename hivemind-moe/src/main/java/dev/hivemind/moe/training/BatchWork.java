package dev.hivemind.moe.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.tensor.TensorOps;
import dev.hivemind.moe.training.DivergedException.Suspect;
import dev.hivemind.moe.training.LocalStep.Share;
import dev.hivemind.moe.training.Model.Begun;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.RpcTransientException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * What is done with one batch, from its inputs to its share in a step, or to its loss alone. All native memory lives on the
 * tape of an attempt and is freed with it.
 */
final class BatchWork {

    private final Setup setup;
    private final Batch batch;
    private final int run;
    private final Runnable onRepeat;

    /**
     * Work on one batch.
     *
     * @param run of the learner that the batch is trained in; does not matter when it is evaluated
     * @param onRepeat told when the batch is tried again
     */
    BatchWork(Setup setup, Batch batch, int run, Runnable onRepeat) {
        this.setup = setup;
        this.batch = batch;
        this.run = run;
        this.onRepeat = onRepeat;
    }

    /**
     * Goes forward and backward, waits for its turn, and hands its gradients over.
     *
     * @param turn completes when all batches before have done so
     * @return the step that the batch completed, if it did
     */
    Mono<Optional<LocalStep>> train(Mono<Void> turn) {
        var mode = new Weights.Mode(setup.limits().concurrency() > 1, true);
        Mono<Optional<LocalStep>> attempt = ReactiveTape.step(
                setup.client(),
                tape -> forward(tape, mode)
                        .flatMap(outcome -> backward(tape, outcome)
                                .then(turn)
                                .then(tape.local(() -> Optional.ofNullable(
                                        setup.learner().accept(tape.manager(), outcome.share(batch, run)))))));
        return patiently(attempt);
    }

    /**
     * Only goes forward.
     *
     * @param copies whether the weights may change meanwhile
     */
    Mono<Evaluation> evaluate(boolean copies) {
        var mode = new Weights.Mode(copies, false);
        Mono<Evaluation> attempt = ReactiveTape.forwardOnly(
                setup.client(), tape -> forward(tape, mode).map(outcome -> outcome.evaluation(batch)));
        return patiently(attempt);
    }

    private Mono<Outcome> forward(ReactiveTape tape, Weights.Mode mode) {
        return tape.local(() -> begin(tape.manager(), mode))
                .flatMap(begun -> setup.model()
                        .forward(tape, begun, noise(mode))
                        .onErrorResume(RpcTransientException.class, missing -> missing(tape, begun, missing))
                        .flatMap(outputs -> tape.local(() -> judge(tape.manager(), begun, outputs, mode.gradients()))));
    }

    private Begun begin(NDManager manager, Weights.Mode mode) {
        NDList inputs = arrays(manager, batch.inputs());
        return new Begun(setup.learner().read(manager, mode), inputs, new Trace(inputs), new NDList());
    }

    private Noise noise(Weights.Mode mode) {
        return mode.gradients() ? new Noise(setup.seed(), batch.index()) : Noise.ANY;
    }

    /** Nobody may be asked about numbers that are not finite, which waiting for experts does not change. */
    private Mono<NDList> missing(ReactiveTape tape, Begun begun, RpcTransientException missing) {
        return tape.local(() -> {
            Suspect suspect = begun.trace().suspect();
            throw suspect == null ? missing : diverged("What experts get", suspect);
        });
    }

    private DivergedException diverged(String what, @Nullable Suspect suspect) {
        return new DivergedException(what, setup.learner().step(), batch.index(), suspect);
    }

    private static NDList arrays(NDManager manager, List<HostTensor> tensors) {
        NDList arrays = new NDList(tensors.size());
        tensors.forEach(tensor -> arrays.add(tensor.on(manager)));
        return arrays;
    }

    private Outcome judge(NDManager manager, Begun begun, NDList outputs, boolean training) {
        NDList targets = arrays(manager, batch.targets());
        NDArray loss = setup.goal().loss().of(outputs, targets);
        if (training) {
            for (NDArray sideLoss : begun.sideLosses()) {
                loss = loss.add(sideLoss);
            }
        }
        double value = loss.toFloatArray()[0];
        if (training && !Double.isFinite(value)) {
            throw diverged("The loss", begun.trace().suspect());
        }
        return new Outcome(begun.weights(), loss, value, accuracy(outputs, targets));
    }

    private OptionalDouble accuracy(NDList outputs, NDList targets) {
        Metric metric = setup.goal().metric();
        return metric == null
                ? OptionalDouble.empty()
                : OptionalDouble.of(TensorOps.withGradMode(false, () -> metric.of(outputs, targets)));
    }

    /** Experts may have stepped when one of them fails, so the batch is not tried again. */
    private Mono<Void> backward(ReactiveTape tape, Outcome outcome) {
        return tape.backward(outcome.loss)
                .doOnSuccess(done -> setup.model().wentBackward(true))
                .onErrorResume(
                        NotFiniteException.class,
                        nonsense -> tape.local(() -> {
                            throw diverged(
                                    "The gradient", outcome.weights.haveFiniteGradients() ? nonsense.suspect() : null);
                        }))
                .onErrorResume(RpcException.class, failure -> failedBackward(tape, outcome, failure));
    }

    /** No expert takes gradients that are not finite, and none is to blame for them. */
    private Mono<Void> failedBackward(ReactiveTape tape, Outcome outcome, RpcException failure) {
        setup.model().wentBackward(false);
        return tape.local(() -> {
            if (!outcome.weights.haveFiniteGradients()) {
                throw diverged("The gradient", null);
            }
            throw failure instanceof RpcTransientException missing ? new LostBatchException(missing) : failure;
        });
    }

    private <T> Mono<T> patiently(Mono<T> attempt) {
        return Mono.defer(() -> {
            var pauses = new Pauses();
            return attempt.retryWhen(Retry.from(pauses::after));
        });
    }

    /** Time between the attempts of this batch, from its first failure on. */
    private final class Pauses {

        private long firstFailureNanos;

        Publisher<Long> after(Flux<Retry.RetrySignal> failures) {
            return failures.concatMap(signal -> pause(signal.failure(), (int) signal.totalRetries() + 1), 0);
        }

        private Mono<Long> pause(@Nullable Throwable failure, int failures) {
            if (!(failure instanceof RpcTransientException missing)) {
                return Mono.error(failure == null ? new IllegalStateException("Nothing failed") : failure);
            }
            Duration left = setup.patience().timeout().minus(sinceFirst(failures));
            if (left.isNegative() || left.isZero()) {
                return Mono.error(givenUp(missing));
            }
            onRepeat.run();
            setup.waiting().accept(new Waiting(batch.index(), failures, left, missing));
            Duration pause = setup.patience().pause();
            return Mono.delay(pause.compareTo(left) < 0 ? pause : left);
        }

        private Duration sinceFirst(int failures) {
            if (failures == 1) {
                firstFailureNanos = System.nanoTime();
            }
            return Duration.ofNanos(System.nanoTime() - firstFailureNanos);
        }

        private PeerUnavailableException givenUp(RpcTransientException missing) {
            return new PeerUnavailableException(
                    "Batch %d waited %d s for experts in vain: %s"
                            .formatted(batch.index(), setup.patience().timeout().toSeconds(), missing.getMessage()),
                    missing);
        }
    }

    /** What going forward brought, on its tape. */
    private record Outcome(Weights weights, NDArray loss, double value, OptionalDouble accuracy) {

        Share share(Batch batch, int run) {
            return new Share(batch, run, weights, value, accuracy);
        }

        Evaluation evaluation(Batch batch) {
            return new Evaluation(batch.rows(), value, accuracy);
        }
    }
}
