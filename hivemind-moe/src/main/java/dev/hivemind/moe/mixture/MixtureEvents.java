package dev.hivemind.moe.mixture;

import com.google.protobuf.ByteString;
import dev.hivemind.moe.gating.ExpertGrid;
import dev.hivemind.rsocket.error.ErrorCodec;
import dev.hivemind.rsocket.error.RpcException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import dev.hivemind.rsocket.events.proto.MixtureEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerId;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Tells a feed of every pass of a batch through a mixture. While nobody observes the feed, nothing is made. */
final class MixtureEvents {

    /** So many fit into an event, however long their names are. */
    static final int MAX_CALLS = 32;

    private final EventFeed feed;
    private final ExpertGrid grid;

    MixtureEvents(EventFeed feed, ExpertGrid grid) {
        this.feed = feed;
        this.grid = grid;
    }

    /**
     * A batch has passed.
     *
     * @param scores what the gate thought; null on the way back
     * @param nanos how long it took, search included
     */
    void passed(
            Operation operation,
            int rows,
            List<Answer> answers,
            List<Failure> failures,
            float @Nullable [] scores,
            long nanos) {
        if (!feed.isObserved()) {
            return;
        }
        int answered = answers.stream()
                .mapToInt(answer -> answer.group().slots().length)
                .sum();
        int failed = failures.stream()
                .mapToInt(failure -> failure.group().slots().length)
                .sum();
        var event = MixtureEventMessage.newBuilder()
                .setGrid(grid.toString())
                .setOperation(operation.wireId())
                .setRows(rows)
                .setChosen(answered + failed)
                .setAnswered(answered)
                .setMicros(TimeUnit.NANOSECONDS.toMicros(nanos));
        if (scores != null) {
            event.setGateEntropy(entropy(scores));
        }
        calls(answers, failures).limit(MAX_CALLS).forEach(event::addCalls);
        event.setFurtherCalls(Math.max(0, answers.size() + failures.size() - MAX_CALLS));
        feed.publish(EventMessage.newBuilder().setMixture(event));
    }

    private static Stream<MixtureCallMessage> calls(List<Answer> answers, List<Failure> failures) {
        Stream<MixtureCallMessage> failed = failures.stream()
                .map(failure -> call(failure.group(), failure.peer(), failure.nanos(), failure.error()));
        Stream<MixtureCallMessage> answered = answers.stream()
                .sorted(Comparator.comparingInt(answer -> -answer.group().slots().length))
                .map(answer -> call(answer.group(), answer.peer(), answer.nanos(), null));
        return Stream.concat(failed, answered);
    }

    private static MixtureCallMessage call(Group group, PeerId peer, long nanos, @Nullable RpcException error) {
        return MixtureCallMessage.newBuilder()
                .setUid(group.handle().uid().value())
                .setPeerId(ByteString.copyFrom(peer.toBytes()))
                .setRows(group.slots().length)
                .setMicros(TimeUnit.NANOSECONDS.toMicros(nanos))
                .setError(error == null ? "" : ErrorCodec.nameOf(error))
                .build();
    }

    /** That of a cell chosen by softmax in each dimension: the sum of those of the dimensions. */
    double entropy(float[] scores) {
        int rows = grid.rows(scores);
        double sum = 0;
        for (int row = 0; row < rows; row++) {
            for (int dimension = 0; dimension < grid.dimensions(); dimension++) {
                int first = row * grid.scores() + grid.offset(dimension);
                sum += entropy(scores, first, first + grid.sizes().get(dimension));
            }
        }
        return sum / rows;
    }

    private static double entropy(float[] scores, int first, int end) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = first; i < end; i++) {
            max = Math.max(max, scores[i]);
        }
        double total = 0;
        double weighted = 0;
        for (int i = first; i < end; i++) {
            double distance = scores[i] - max;
            double weight = Math.exp(distance);
            total += weight;
            weighted += weight == 0 ? 0 : weight * distance;
        }
        return Math.log(total) - weighted / total;
    }
}
