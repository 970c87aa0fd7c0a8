package dev.hivemind.dashboard.history;

import com.google.protobuf.ByteString;
import dev.hivemind.dashboard.history.SwarmView.EventView;
import dev.hivemind.dashboard.history.SwarmView.ExpertView;
import dev.hivemind.dashboard.history.SwarmView.NodeView;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import dev.hivemind.rsocket.events.proto.MixtureEventMessage;
import dev.hivemind.rsocket.events.proto.TrainingEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.testkit.ManualClock;
import java.time.Duration;
import java.util.List;

/** A swarm as its history has it, and what it is told. */
final class ToldSwarm {

    static final PeerId SERVER = peer(1);
    static final PeerId TRAINER = peer(2);
    static final List<PeerAddress> ADDRESSES = List.of(new PeerAddress("127.0.0.1", 4000));

    private final ManualClock clock = new ManualClock();
    final SwarmHistory history = new SwarmHistory(peer(255), clock);

    static PeerId peer(int number) {
        byte[] bytes = new byte[PeerId.BYTES];
        bytes[0] = (byte) number;
        bytes[1] = (byte) (number >> 8);
        return PeerId.fromBytes(bytes);
    }

    /** Lets time go by, in steps. */
    void pass(Duration time) {
        for (Duration passed = Duration.ZERO; passed.compareTo(time) < 0; passed = passed.plusMillis(200)) {
            clock.advance(Duration.ofMillis(200));
            history.advance();
        }
    }

    void answers(PeerId node) {
        history.answered(node, ADDRESSES, Duration.ofMillis(2), List.of());
    }

    NodeView node(PeerId id) {
        return history.view().nodes().stream()
                .filter(node -> node.id().equals(id.toString()))
                .findFirst()
                .orElseThrow();
    }

    ExpertView expert(String uid) {
        return history.view().grids().stream()
                .flatMap(grid -> grid.experts().stream())
                .filter(expert -> expert.uid().equals(uid))
                .findFirst()
                .orElseThrow();
    }

    List<String> texts() {
        return history.view().events().stream().map(EventView::text).toList();
    }

    static EventMessage hosted(String... uids) {
        return EventMessage.newBuilder()
                .setExpert(ExpertEventMessage.newBuilder()
                        .setKind(ExpertEventMessage.Kind.KIND_HOSTED)
                        .setUid(uids[0])
                        .addAllFurtherUids(List.of(uids).subList(1, uids.length)))
                .build();
    }

    static EventMessage batch(String uid, int rows, int failed) {
        return EventMessage.newBuilder()
                .setBatch(BatchEventMessage.newBuilder()
                        .setUid(uid)
                        .setOperation(Operation.EXPERT_BACKWARD.wireId())
                        .setRows(rows)
                        .setCalls(2)
                        .setFailed(failed)
                        .setWaitedMicros(500)
                        .setComputedMicros(2_000)
                        .setBytes(100)
                        .setPlainBytes(400))
                .build();
    }

    static EventMessage step(String run, long step) {
        return EventMessage.newBuilder()
                .setTraining(TrainingEventMessage.newBuilder()
                        .setRun(run)
                        .setStep(step)
                        .setLoss(0.5)
                        .setSamplesPerSecond(3_000))
                .build();
    }

    /** A pass of a mixture, with one call. */
    static EventMessage pass(String uid, int rows, String error) {
        return EventMessage.newBuilder()
                .setMixture(MixtureEventMessage.newBuilder()
                        .setGrid("ffn.[0:4].[0:4]")
                        .setGateEntropy(2.5)
                        .addCalls(MixtureCallMessage.newBuilder()
                                .setUid(uid)
                                .setPeerId(ByteString.copyFrom(SERVER.toBytes()))
                                .setRows(rows)
                                .setError(error)))
                .build();
    }
}
