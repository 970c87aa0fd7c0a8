package dev.hivemind.moe.mixture;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.hivemind.moe.client.CallPolicy;
import dev.hivemind.moe.client.RemoteExpert;
import dev.hivemind.moe.expert.ExpertSchema;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.error.RpcTransientException;
import dev.hivemind.rsocket.error.SchemaMismatchException;
import dev.hivemind.rsocket.frame.Deadline;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * One batch on its way through the experts and back: find them, call each with the rows that chose it, put the answers
 * into their slots; on the way back, call those that answered with the gradients of their slots. Used by one thread at a
 * time; arrays are touched by all methods but {@link #route}, which
 * belong on the thread of the tape.
 */
final class ForwardPass {

    private static final int MAX_QUESTIONS = 256;
    private static final Duration SHORTEST = Duration.ofMillis(1);
    private static final Duration MAX_MARGIN = Duration.ofMillis(50);

    private final ExpertMixture mixture;
    private final MixturePolicy policy;
    private final NDList inputs;
    private final int rows;
    private final Outputs outputs;
    private final Supplier<Duration> stepTime;
    private final Deadline deadline;
    private final long begunNanos = System.nanoTime();
    private float @Nullable [] scores;
    private @Nullable Routing routing;
    private long backBegunNanos;
    private List<Group> groups = List.of();
    private List<Failure> strangers = List.of();

    ForwardPass(ExpertMixture mixture, NDList inputs) {
        this(mixture, inputs, () -> Deadline.MAX);
    }

    /**
     * A pass that is to end before its step does, so that it is known who was late.
     *
     * @param inputs arrays of the tape that stay as they are until the step ends
     * @param stepTime what is left for the step
     */
    ForwardPass(ExpertMixture mixture, NDList inputs, Supplier<Duration> stepTime) {
        this.mixture = mixture;
        this.policy = mixture.policy();
        this.inputs = inputs;
        this.rows = Math.toIntExact(inputs.head().getShape().get(0));
        this.outputs = mixture.outputs(inputs.head());
        this.stepTime = stepTime;
        this.deadline = Deadline.after(withinStep(policy.forwardTimeout()));
    }

    private Duration withinStep(Duration timeout) {
        Duration left = allButAMargin(stepTime.get());
        return left.compareTo(timeout) < 0 ? atLeastTheShortest(left) : timeout;
    }

    Routing routing() {
        return requireNonNull(routing, "routing");
    }

    /** Chooses the experts for all rows, and learns what they take and how much of it: half of the time is for calls. */
    Mono<ForwardPass> route(float[] scores) {
        this.scores = scores;
        return mixture.find(scores)
                .timeout(timeLeft().dividedBy(2), Mono.error(ForwardPass::searchTookTooLong))
                .onErrorResume(RpcTransientException.class, this::nobodyUnlessNeeded)
                .flatMap(this::follow);
    }

    /** Takes experts that were chosen already, and learns what they take and how much of it. */
    Mono<ForwardPass> follow(Routing chosen) {
        routing = chosen;
        return groupsOf(chosen).thenReturn(this);
    }

    private Mono<Routing> nobodyUnlessNeeded(RpcTransientException error) {
        return policy.allowZeroOutputs() ? Mono.just(Routing.empty(rows, mixture.kBest())) : Mono.error(error);
    }

    private static DeadlineExceededException searchTookTooLong() {
        return new DeadlineExceededException(
                "The DHT did not name experts within half of the time: raise forwardTimeout, or look after its peers");
    }

    /** Never nothing: calls that are too late fail as such. */
    private Duration timeLeft() {
        return atLeastTheShortest(deadline.remaining());
    }

    private static Duration atLeastTheShortest(Duration time) {
        return time.compareTo(SHORTEST) < 0 ? SHORTEST : time;
    }

    /** Half of the time that is left is kept for the calls of those who do tell their schema. */
    private Mono<Void> groupsOf(Routing found) {
        Deadline patience = Deadline.after(deadline.remaining().dividedBy(2));
        List<Failure> failed = new ArrayList<>();
        return Flux.range(0, found.experts().size())
                .flatMapSequential(expert -> groupsOf(found, expert, patience), MAX_QUESTIONS)
                .collectList()
                .doOnNext(all -> {
                    groups =
                            all.stream().flatMap(known -> known.groups.stream()).toList();
                    all.stream().filter(known -> known.failure != null).forEach(known -> failed.add(known.failure));
                    strangers = List.copyOf(failed);
                })
                .then();
    }

    /** Of several owners' errors, that of the first one asked is told; later ones may be well. */
    private Mono<Known> groupsOf(Routing found, int expert, Deadline patience) {
        RemoteExpert handle = mixture.handle(found.experts().get(expert));
        int[] slots = found.slotsOf(expert);
        PeerId[] toBlame = {handle.owner()};
        long begun = System.nanoTime();
        return schemaOf(handle, patience, peer -> toBlame[0] = peer)
                .doOnNext(schema -> outputs.requireOf(schema, handle))
                .map(schema -> new Known(split(found, expert, handle, schema), null))
                .onErrorResume(RpcException.class, error -> {
                    var whole = new Group(expert, handle, slots, found.rowsOf(slots));
                    PeerId peer = error instanceof SchemaMismatchException ? handle.owner() : toBlame[0];
                    long nanos = System.nanoTime() - begun;
                    return Mono.just(new Known(List.of(), new Failure(whole, peer, error, false, nanos, nanos)));
                });
    }

    private Mono<ExpertSchema> schemaOf(RemoteExpert handle, Deadline patience, Consumer<PeerId> toBlame) {
        if (handle.isKnown()) {
            return handle.info();
        }
        Duration time = atLeastTheShortest(patience.remaining());
        return handle.with(mixture.callsWithin(allButAMargin(time)))
                .tellingWhomItAsks(toBlame)
                .info()
                .timeout(
                        time,
                        Mono.error(() ->
                                new DeadlineExceededException("%s did not tell its schema in time".formatted(handle))));
    }

    private static List<Group> split(Routing found, int expert, RemoteExpert handle, ExpertSchema schema) {
        int[] slots = found.slotsOf(expert);
        List<Group> parts = new ArrayList<>();
        for (int first = 0; first < slots.length; first += schema.maxBatchSize()) {
            int end = (int) Math.min((long) first + schema.maxBatchSize(), slots.length);
            int[] part = Arrays.copyOfRange(slots, first, end);
            parts.add(new Group(expert, handle, part, found.rowsOf(part)));
        }
        return parts;
    }

    /** Calls every chosen expert with its rows. */
    Mono<Answers> call() {
        Duration timeout = timeLeft();
        CallPolicy each = mixture.callsWithin(allButAMargin(timeout));
        var rules = new Gathering.Rules(rows, policy.kMin(), timeout, policy.timeoutAfterKMin());
        return Gathering.of(
                groups,
                (group, asked) ->
                        group.handle().with(each).tellingWhomItAsks(asked).forwardRows(inputs, group.rows()),
                rules);
    }

    /** A little less, so that who ends then says itself why it was late. */
    private static Duration allButAMargin(Duration timeout) {
        Duration margin = timeout.dividedBy(20);
        return timeout.minus(margin.compareTo(MAX_MARGIN) > 0 ? MAX_MARGIN : margin);
    }

    /**
     * The answers in their slots, those left out that do not count.
     *
     * @return null if nobody waits for them any more
     * @throws RpcException if too many are missing
     */
    @Nullable ExpertOutputs place(NDManager manager, Answers answers) {
        List<Failure> failures = new ArrayList<>(strangers);
        failures.addAll(answers.failures());
        var placement = new Placement(routing(), policy);
        ExpertOutputs placed = answers.use(list -> placement.outputs(manager, list, outputs));
        if (placed == null) {
            return null;
        }
        groups = placement.answered();
        mixture.forwardEnded(rows, placement.answers(), failures, scores, System.nanoTime() - begunNanos);
        placement.requireEnough(failures);
        return placed;
    }

    /** @throws IllegalArgumentException if gradients are not finite, and the policy wants to know */
    NDList requireSound(NDList gradients) {
        if (policy.detectAnomalies()) {
            gradients.forEach(Anomalies::requireFiniteGradient);
        }
        return gradients;
    }

    /** Calls the experts that answered, with the gradients of their slots. */
    Mono<Answers> callBack(NDList gradients) {
        Duration timeout = withinStep(policy.backwardTimeout());
        CallPolicy each = mixture.callsWithin(allButAMargin(timeout));
        backBegunNanos = System.nanoTime();
        var rules = new Gathering.Rules(rows, policy.backwardKMin(), timeout, policy.timeoutAfterKMin());
        return Gathering.of(
                groups,
                (group, asked) -> group.handle()
                        .with(each)
                        .tellingWhomItAsks(asked)
                        .backwardRows(inputs, group.rows(), gradients, group.slots()),
                rules);
    }

    /**
     * The gradients of the inputs: the sums over the experts that answered.
     *
     * @return null if nobody waits for them any more
     * @throws RpcException if too many are missing
     */
    @Nullable NDList placeGradients(NDManager manager, Answers answers) {
        var placement = new GradientPlacement(rows, policy, groups);
        NDList gradients = answers.use(list -> placement.gradients(manager, inputs, list));
        if (gradients == null) {
            return null;
        }
        mixture.backwardEnded(rows, placement.answers(), answers.failures(), System.nanoTime() - backBegunNanos);
        placement.requireEnough(answers.failures());
        return gradients;
    }

    /** What is known of one expert: how to call it, or why that is not possible. */
    private record Known(List<Group> groups, @Nullable Failure failure) {}
}
