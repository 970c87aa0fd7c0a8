package dev.hivemind.moe.client;

import static java.util.Objects.requireNonNull;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.hivemind.moe.gating.Routing;
import dev.hivemind.moe.tensor.ElementTypes;
import dev.hivemind.moe.tensor.RowFrames;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.error.DeadlineExceededException;
import dev.hivemind.rsocket.error.ExpertFailedException;
import dev.hivemind.rsocket.error.PeerUnavailableException;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.tensor.ElementType;
import dev.hivemind.rsocket.tensor.TensorDescriptor;
import dev.hivemind.rsocket.tensor.TensorFrame;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The calls of one batch: rows grouped by expert on the way out, put back into their slots on the way in. Backward goes
 * to exactly those experts that answered forward.
 */
final class Dispatch {

    private static final Logger LOG = LoggerFactory.getLogger(Dispatch.class);

    private final Routing routing;
    private final int outFeatures;
    private final PeerBackoff backoff;
    private final MixtureStatistics statistics;
    private List<Group> groups;

    Dispatch(
            Routing routing,
            Map<Integer, RemoteExpert> experts,
            int outFeatures,
            PeerBackoff backoff,
            MixtureStatistics statistics) {
        this.routing = routing;
        this.outFeatures = outFeatures;
        this.backoff = backoff;
        this.statistics = statistics;
        this.groups = group(routing, experts);
    }

    /** Calls every chosen expert with its rows; fails only if none answers. */
    ExpertOutputs forward(RemoteTape tape, NDArray samples) {
        List<Answer> answers = await(
                tape,
                group -> group.expert().forwardReply(() -> List.of(OutgoingTensor.inputRows(samples, group.rows()))),
                outFeatures);
        try {
            groups = answers.stream().map(Answer::group).toList();
            return placeOutputs(tape, answers);
        } finally {
            answers.forEach(Answer::release);
        }
    }

    /** The gradient of the samples: the sum over the experts that answer; fails only if none does. */
    NDArray backward(RemoteTape tape, NDArray samples, NDArray outputGradients) {
        List<Answer> answers = await(
                tape,
                group -> group.expert()
                        .backwardReply(() -> List.of(
                                OutgoingTensor.inputRows(samples, group.rows()),
                                OutgoingTensor.gradientRows(outputGradients, group.slots()))),
                Math.toIntExact(samples.getShape().get(1)));
        try {
            NDArray gradient = samples.zerosLike();
            gradient.attach(tape.manager());
            answers.forEach(answer -> RowFrames.scatterAdd(
                    answer.frame(), gradient, answer.group().rows()));
            return gradient;
        } finally {
            answers.forEach(Answer::release);
        }
    }

    private static List<Group> group(Routing routing, Map<Integer, RemoteExpert> experts) {
        List<Group> groups = new ArrayList<>();
        routing.slotsByExpert().forEach((index, slots) -> {
            RemoteExpert expert = requireNonNull(experts.get(index), "expert");
            groups.add(new Group(index, expert, slots, routing.rowsOf(slots)));
        });
        return groups;
    }

    private ExpertOutputs placeOutputs(RemoteTape tape, List<Answer> answers) {
        int slots = routing.experts().length;
        NDArray stacked = tape.manager().zeros(new Shape(slots, outFeatures), DataType.FLOAT32);
        boolean[] answered = new boolean[slots];
        for (Answer answer : answers) {
            RowFrames.scatter(answer.frame(), stacked, answer.group().slots());
            statistics.answered(answer.group().index(), answer.group().rows().length);
            for (int slot : answer.group().slots()) {
                answered[slot] = true;
            }
        }
        return new ExpertOutputs(stacked, answered);
    }

    /**
     * All groups are subscribed at once, on this thread: requests are encoded there, and their number is bounded by the
     * grid.
     */
    private List<Answer> await(RemoteTape tape, Function<Group, Mono<Reply>> call, int features) {
        Mono<List<Answer>> all = Flux.fromIterable(groups)
                .flatMap(group -> answer(group, call, features), groups.size())
                .collectList()
                .doOnDiscard(Answer.class, Answer::release);
        List<Answer> answers = tape.await(all, late -> late.forEach(Answer::release));
        if (answers.isEmpty()) {
            throw new PeerUnavailableException(
                    "None of the %d experts chosen for this batch answered".formatted(groups.size()));
        }
        return answers;
    }

    private Mono<Answer> answer(Group group, Function<Group, Mono<Reply>> call, int features) {
        statistics.called();
        return call.apply(group)
                .map(reply -> Answer.checked(group, reply, features))
                .doOnNext(answer -> backoff.succeeded(group.expert().owner()))
                .onErrorResume(RpcException.class, error -> {
                    recordFailure(group, error);
                    return Mono.empty();
                });
    }

    private void recordFailure(Group group, RpcException error) {
        LOG.debug("{} failed", group.expert(), error);
        statistics.failed();
        if (error instanceof PeerUnavailableException || error instanceof DeadlineExceededException) {
            backoff.failed(group.expert().owner());
        }
    }

    /** One expert and the slots of the batch that chose it. */
    private record Group(int index, RemoteExpert expert, int[] slots, int[] rows) {}

    /**
     * One expert's answer: finite numbers of the shape that was asked for. Operators on its way may drop it twice; its
     * reply is released once.
     */
    private record Answer(Group group, Reply reply, AtomicBoolean released) {

        static Answer checked(Group group, Reply reply, int features) {
            try {
                requireFinite(group, reply, TensorDescriptor.of(ElementType.FLOAT32, group.rows().length, features));
                return new Answer(group, reply, new AtomicBoolean());
            } catch (RpcException lie) {
                reply.release();
                throw lie;
            }
        }

        private static void requireFinite(Group group, Reply reply, TensorDescriptor expected) {
            if (!reply.descriptors().stream()
                    .map(ElementTypes::asArray)
                    .toList()
                    .equals(List.of(expected))) {
                throw new ExpertFailedException(
                        "%s answered with %s instead of %s".formatted(group.expert(), reply.descriptors(), expected));
            }
            if (!RowFrames.isFinite(reply.tensors().get(0))) {
                throw new ExpertFailedException(
                        "%s answered with numbers that are not finite".formatted(group.expert()));
            }
        }

        TensorFrame frame() {
            return reply.tensors().get(0);
        }

        void release() {
            if (released.compareAndSet(false, true)) {
                reply.release();
            }
        }
    }
}
