package dev.hivemind.moe.mixture;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.ExpertClient;
import dev.hivemind.moe.client.ReactiveTape;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.client.RemoteTape;
import dev.hivemind.moe.gating.BeamSearch;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.moe.gating.Lifetimes;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * The remote half of a layer: sends every sample to the best experts of a grid. What makes scores of samples, and an
 * output of the experts' outputs, is a {@link Head}. Both faces take the same steps; one waits between them, on the
 * thread of the tape, and the other returns to the client's tensor thread. Thread-safe.
 */
final class ExpertMixture {

    private final BeamSearch search;
    private final int kBest;
    private final MixturePolicy policy;
    private final @Nullable Outputs outputs;
    private final @Nullable MixtureEvents events;
    private final CallPolicy calls;
    private final ExpertHandles handles;
    private final SwarmHealth health;
    private final MixtureStatistics statistics = new MixtureStatistics();

    ExpertMixture(ExpertClient client, Settings settings) {
        this.calls = client.policy();
        this.kBest = settings.kBest;
        this.policy = settings.policy;
        this.outputs = settings.outputs;
        this.events = settings.feed == null ? null : new MixtureEvents(settings.feed, settings.grid);
        this.search = BeamSearch.create(settings.grid, client.directory(), lifetimes(settings.grid, calls, policy));
        this.health = new SwarmHealth(settings.nanoClock);
        this.handles = new ExpertHandles(client);
    }

    /**
     * What is asked of the experts.
     *
     * @param outputs of the experts; null if they have one that is like the samples
     * @param feed is told of every pass; null for nobody
     * @param nanoClock by which peers and experts are left alone
     */
    record Settings(
            ExpertGrid grid,
            int kBest,
            MixturePolicy policy,
            @Nullable Outputs outputs,
            @Nullable EventFeed feed,
            LongSupplier nanoClock) {

        Settings {
            grid.requireHolds(kBest);
            requireAtMost(kBest, policy.kMin(), "kMin");
            requireAtMost(kBest, policy.backwardKMin(), "backwardKMin");
        }
    }

    /** Silence in every dimension takes half of the time that the search has. */
    private static Lifetimes lifetimes(ExpertGrid grid, CallPolicy calls, MixturePolicy policy) {
        Duration patience = policy.forwardTimeout().dividedBy(4L * grid.dimensions());
        return Lifetimes.of(calls.discoveryTimeToLive())
                .withPatienceUpTo(patience.isZero() ? Duration.ofNanos(1) : patience);
    }

    private static void requireAtMost(int kBest, int number, String name) {
        if (number > kBest) {
            throw new IllegalArgumentException("%s is %d, but only %d experts are called: lower it, or raise kBest"
                    .formatted(name, number, kBest));
        }
    }

    MixturePolicy policy() {
        return policy;
    }

    int kBest() {
        return kBest;
    }

    MixtureStatistics statistics() {
        return statistics;
    }

    /** What experts give for these samples: the like of them, unless it is said. */
    Outputs outputs(NDArray samples) {
        return outputs == null ? Outputs.like(samples) : outputs;
    }

    /** On the thread of the tape, which waits. */
    NDList forward(RemoteTape tape, NDList inputs, Function<NDList, Head> gating) {
        Begun begun = begin(tape.manager(), inputs, gating, tape::remaining);
        ForwardPass pass = begun.pass;
        tape.await(pass.route(begun.scores), late -> {});
        ExpertOutputs outputs = needed(pass.place(tape.manager(), tape.await(pass.call(), Answers::release)));
        NDList leaves = tape.record(begun.onTape, outputs.stacked(), gradients -> backward(tape, pass, gradients));
        return begun.head.combine(pass.routing(), new ExpertOutputs(leaves, outputs.answered()));
    }

    private static NDList backward(RemoteTape tape, ForwardPass pass, NDList gradients) {
        pass.requireSound(gradients);
        return needed(pass.placeGradients(tape.manager(), tape.await(pass.callBack(gradients), Answers::release)));
    }

    /** Local steps on the client's tensor thread. */
    Mono<NDList> forward(ReactiveTape tape, NDList inputs, Function<NDList, Head> gating) {
        return tape.local(() -> begin(tape.manager(), inputs, gating, () -> Deadline.MAX))
                .flatMap(begun -> begun.pass.route(begun.scores).then(tape.local(() -> begun)))
                .flatMap(begun -> begun.pass
                        .call()
                        .flatMap(answers -> onTensorThread(tape, answers, () -> finish(tape, begun, answers))));
    }

    private Begun begin(NDManager manager, NDList inputs, Function<NDList, Head> gating, Supplier<Duration> stepTime) {
        Inputs.requireSound(inputs);
        NDList onTape = onTape(manager, inputs);
        Head head = gating.apply(onTape);
        return new Begun(onTape, head, head.scores(), new ForwardPass(this, onTape, stepTime));
    }

    private static NDList finish(ReactiveTape tape, Begun begun, Answers answers) {
        ExpertOutputs outputs = needed(begun.pass.place(tape.manager(), answers));
        NDList leaves =
                tape.record(begun.onTape, outputs.stacked(), gradients -> backward(tape, begun.pass, gradients));
        return begun.head.combine(begun.pass.routing(), new ExpertOutputs(leaves, outputs.answered()));
    }

    private static Mono<NDList> backward(ReactiveTape tape, ForwardPass pass, NDList gradients) {
        return tape.local(() -> pass.requireSound(gradients))
                .flatMap(pass::callBack)
                .flatMap(answers ->
                        onTensorThread(tape, answers, () -> needed(pass.placeGradients(tape.manager(), answers))));
    }

    /** Answers are released if the work is never begun. */
    private static <T> Mono<T> onTensorThread(ReactiveTape tape, Answers answers, Supplier<T> work) {
        return Mono.using(() -> answers, taken -> tape.local(work), Answers::release);
    }

    private static <T> T needed(@Nullable T result) {
        if (result == null) {
            throw new CancellationException("The step is over");
        }
        return result;
    }

    /** Handles that belong to the tape, and lead to the graph of the inputs. */
    private NDList onTape(NDManager manager, NDList inputs) {
        NDList handles = new NDList(inputs.size());
        for (NDArray input : inputs) {
            NDArray handle = input.reshape(input.getShape());
            handle.attach(manager);
            handles.add(handle);
            if (policy.detectAnomalies()) {
                Anomalies.requireFiniteInput(handle);
            }
        }
        return handles;
    }

    Mono<Routing> find(float[] scores) {
        return search.find(scores, kBest, health);
    }

    RemoteExpert handle(List<ExpertDescriptor> owners) {
        return handles.get(owners);
    }

    /** How experts are called, for no longer than this. */
    CallPolicy callsWithin(Duration timeout) {
        return calls.withForwardTimeout(timeout).withBackwardTimeout(timeout);
    }

    void forwardEnded(int rows, List<Answer> answers, List<Failure> failures, float @Nullable [] scores, long nanos) {
        health.passed(answers, failures, policy.forwardTimeout());
        answers.forEach(answer -> statistics.answered(answer.group()));
        failures.forEach(failure -> {
            statistics.failed();
            if (!failure.dispensable()) {
                handles.forget(failure.group().handle().uid());
            }
        });
        statistics.forwardEnded(answers, failures);
        if (events != null) {
            events.passed(Operation.EXPERT_FORWARD, rows, answers, failures, scores, nanos);
        }
    }

    void backwardEnded(int rows, List<Answer> answers, List<Failure> failures, long nanos) {
        health.passed(answers, failures, policy.backwardTimeout());
        failures.forEach(failure -> statistics.failed());
        statistics.backwardEnded(answers, failures);
        if (events != null) {
            events.passed(Operation.EXPERT_BACKWARD, rows, answers, failures, null, nanos);
        }
    }

    private record Begun(NDList onTape, Head head, float[] scores, ForwardPass pass) {}
}
