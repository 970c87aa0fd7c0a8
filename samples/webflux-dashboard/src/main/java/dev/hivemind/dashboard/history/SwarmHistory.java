package dev.hivemind.dashboard.history;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import dev.hivemind.dashboard.history.EventLog.Kind;
import dev.hivemind.dashboard.history.EventLog.Severity;
import dev.hivemind.dashboard.history.EventLog.Subject;
import dev.hivemind.dashboard.history.NodeHistory.Role;
import dev.hivemind.dashboard.history.SwarmView.ConnectionView;
import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.rsocket.events.proto.BatchEventMessage;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.events.proto.ExpertEventMessage;
import dev.hivemind.rsocket.events.proto.MixtureCallMessage;
import dev.hivemind.rsocket.events.proto.MixtureEventMessage;
import dev.hivemind.rsocket.events.proto.RejectionEventMessage;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The swarm as it is and lately was. Whatever others say is cut to size and checked; nothing grows without bounds. Used by
 * one thread at a time.
 *
 * <p>A call that fails can be told of twice, by its caller and by its server. It is counted once: what a server says whose
 * events arrive here counts, and of what callers say, only what no server can know, such as that it does not answer.
 */
public final class SwarmHistory {

    private static final int MAX_ERROR = 40;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final long FLUSH_MILLIS = 1_000;

    /** Errors of calls of which the server tells itself. */
    private static final Set<String> TOLD_BY_SERVERS =
            Set.of("expert-failed", "overloaded", "schema-mismatch", "payload-too-large");

    private final Clock clock;
    private final String self;
    private final EventLog log = new EventLog();
    private final Experts experts = new Experts();
    private final Nodes nodes = new Nodes(log, experts::back, experts::lost);
    private final Runs runs = new Runs(log);
    private final Trainers trainers = new Trainers();
    private final ChartHistory charts;
    private ConnectionView connection;
    private long flushedAt;
    private long missed;

    /**
     * Knows nobody yet.
     *
     * @param self the dashboard's own id
     */
    public SwarmHistory(PeerId self, Clock clock) {
        this.self = self.toString();
        this.clock = requireNonNull(clock, "clock");
        this.charts = new ChartHistory(clock.millis());
        this.flushedAt = clock.millis();
        this.connection = new ConnectionView("joining", "", "Joining the swarm", null);
    }

    /** What it measures time by. */
    public Clock clock() {
        return clock;
    }

    /** How the dashboard itself stands with the swarm. */
    public void connection(ConnectionView now) {
        if (!now.state().equals(connection.state())) {
            log.add(
                    clock.millis(),
                    Kind.NOTE,
                    now.state().equals("lost") ? Severity.WARNING : Severity.INFO,
                    Subject.NOBODY,
                    now.text());
        }
        connection = now;
    }

    /** The connection as it was told last. */
    public ConnectionView connection() {
        return connection;
    }

    /**
     * A node has answered.
     *
     * @param took a question and its answer; null if it was not measured
     * @param named the nodes that it named
     */
    public void answered(PeerId id, List<PeerAddress> addresses, @Nullable Duration took, List<PeerId> named) {
        NodeHistory node = nodes.seen(clock.millis(), id.toString(), addresses, Role.DHT);
        if (node != null) {
            node.names(named.stream().map(PeerId::toString).toList());
            if (took != null) {
                node.roundTrip(took.toNanos() / NANOS_PER_MILLI);
            }
        }
    }

    /** A node does not answer, or its events stopped without notice. One that never did is not remembered. */
    public void outOfReach(PeerId id) {
        nodes.outOfReach(clock.millis(), id.toString());
    }

    /** Whether the events of a node arrive. */
    public void feed(PeerId id, FeedState state, @Nullable Duration roundTrip) {
        NodeHistory node = nodes.find(id.toString());
        if (node != null) {
            node.feed(state);
            if (roundTrip != null && node.roundTripMillis() == null) {
                node.roundTrip(roundTrip.toNanos() / NANOS_PER_MILLI);
            }
        }
    }

    /** The DHT names an owner of an expert. */
    public void declared(ExpertDescriptor owner) {
        ExpertHistory expert = experts.findOrAdd(owner.uid().value());
        String id = owner.peerId().toString();
        if (expert != null) {
            expert.declared(id, owner.status());
            NodeHistory node = nodes.find(id);
            if (node != null) {
                node.become(Role.SERVER);
            }
        }
    }

    /** The DHT no longer names an owner of an expert. */
    public void withdrawn(ExpertDescriptor owner) {
        ExpertHistory expert = experts.find(owner.uid().value());
        if (expert != null) {
            expert.withdrawn(owner.peerId().toString());
        }
    }

    /** The DHT cannot be asked any more, so that nothing it said of experts holds; it says all of it anew when joined. */
    public void forgetDeclarations() {
        experts.undeclared();
    }

    /** A node tells what happens there. */
    public void told(PeerId source, EventMessage event) {
        long now = clock.millis();
        missed += Math.max(0, event.getDropped());
        NodeHistory node = nodes.find(source.toString());
        if (node == null) {
            return;
        }
        nodes.seen(now, node.id(), List.of(), node.role());
        node.feed(FeedState.LIVE);
        switch (event.getEventCase()) {
            case EXPERT -> expert(node, event.getExpert());
            case BATCH -> batch(now, node, event.getBatch());
            case REJECTION -> rejection(now, node, event.getRejection());
            default -> reported(now, node, event);
        }
    }

    /** A trainer reports, over a connection that it dialled. */
    public void reported(PeerId source, EventMessage event) {
        long now = clock.millis();
        missed += Math.max(0, event.getDropped());
        NodeHistory node = nodes.seen(now, source.toString(), List.of(), Role.TRAINER);
        if (node != null) {
            node.feed(FeedState.LIVE);
            reported(now, node, event);
        }
    }

    private void reported(long now, NodeHistory node, EventMessage event) {
        switch (event.getEventCase()) {
            case TRAINING -> {
                trainers.of(node.id()).reported(now);
                runs.step(now, node.id(), event.getTraining());
            }
            case MIXTURE -> mixture(now, node, event.getMixture());
            default -> {}
        }
    }

    private void expert(NodeHistory node, ExpertEventMessage event) {
        if (event.getKind() == ExpertEventMessage.Kind.KIND_REMOVED) {
            ExpertHistory expert = experts.find(event.getUid());
            if (expert != null) {
                expert.removed(node.id());
            }
            node.removes(event.getUid());
            return;
        }
        host(node, event.getUid());
        event.getFurtherUidsList().forEach(uid -> host(node, uid));
    }

    private @Nullable ExpertHistory host(NodeHistory node, String uid) {
        ExpertHistory expert = experts.findOrAdd(uid);
        if (expert != null && (node.hosted().contains(uid) || node.hosted().size() < NodeHistory.MAX_HOSTED)) {
            node.hosts(uid);
            node.become(Role.SERVER);
            expert.hosted(node.id());
            return expert;
        }
        return null;
    }

    private void batch(long now, NodeHistory node, BatchEventMessage batch) {
        ExpertHistory expert = host(node, batch.getUid());
        charts.batch(batch);
        node.rows().add(now, Integer.toUnsignedLong(batch.getRows()));
        if (expert != null) {
            expert.batch(now, batch, batch.getOperation() == Operation.EXPERT_BACKWARD.wireId());
        }
        long failed = Integer.toUnsignedLong(batch.getFailed());
        if (failed > 0) {
            failure(now, node, expert, "expert-failed", failed);
        }
    }

    private void rejection(long now, NodeHistory node, RejectionEventMessage rejection) {
        long calls = Figures.count(rejection.getCalls());
        String error = PlainText.of(rejection.getError(), MAX_ERROR);
        ExpertHistory expert = host(node, rejection.getUid());
        charts.rejected(calls);
        if (expert != null) {
            expert.rejected(now, calls);
        }
        log.count(Kind.REJECTION, new Subject(node.id(), uid(expert)), error, calls);
    }

    private void failure(long now, NodeHistory node, @Nullable ExpertHistory expert, String error, long calls) {
        charts.failed(calls);
        node.failures().add(now, calls);
        if (expert != null) {
            expert.failed(now, calls);
        }
        log.count(Kind.FAILURE, new Subject(node.id(), uid(expert)), error, calls);
    }

    private static @Nullable String uid(@Nullable ExpertHistory expert) {
        return expert == null ? null : expert.uid().value();
    }

    private void mixture(long now, NodeHistory trainer, MixtureEventMessage mixture) {
        Trainers.Trainer doing = trainers.of(trainer.id());
        doing.reported(now);
        if (mixture.hasGateEntropy()) {
            doing.entropy(mixture.getGateEntropy());
        }
        experts.sized(mixture.getGrid());
        for (MixtureCallMessage call : mixture.getCallsList()) {
            called(now, doing, call);
        }
    }

    private void called(long now, Trainers.Trainer trainer, MixtureCallMessage call) {
        ExpertHistory expert = experts.find(call.getUid());
        String peer = peer(call.getPeerId());
        if (expert == null || peer == null) {
            return;
        }
        trainer.called(now, peer, call);
        expert.used(now, Integer.toUnsignedLong(call.getRows()));
        if (!call.getError().isEmpty()) {
            failedCall(now, peer, expert, call.getError());
        }
    }

    private void failedCall(long now, String peer, ExpertHistory expert, String error) {
        NodeHistory server = nodes.find(peer);
        boolean told = server != null && server.feed() == FeedState.LIVE && TOLD_BY_SERVERS.contains(error);
        if (server != null && !told) {
            failure(now, server, expert, PlainText.of(error, MAX_ERROR), 1);
        }
    }

    private static @Nullable String peer(ByteString id) {
        return id.size() == PeerId.BYTES ? PeerId.fromBytes(id.toByteArray()).toString() : null;
    }

    /** The names with which uids of known experts begin, such as {@code ffn}. */
    public Set<String> prefixes() {
        Set<String> prefixes = new TreeSet<>();
        experts.all()
                .forEach(expert -> prefixes.add(Experts.GridKey.of(expert.uid()).prefix()));
        return prefixes;
    }

    /** Whether a node hosts experts, as far as is known. */
    public boolean isServer(PeerId id) {
        return Optional.ofNullable(nodes.find(id.toString()))
                .map(node -> node.role() == Role.SERVER)
                .orElse(false);
    }

    /** Lets time pass: closes seconds, forgets what is long gone, tells what was counted. */
    public void advance() {
        long now = clock.millis();
        charts.moveTo(now);
        nodes.moveTo(now);
        experts.moveTo(now);
        runs.moveTo(now);
        trainers.moveTo(now);
        if (now - flushedAt >= FLUSH_MILLIS) {
            flushedAt = now;
            log.flush(now);
            tellMissed(now);
        }
    }

    private void tellMissed(long now) {
        if (missed > 0) {
            log.add(
                    now,
                    Kind.NOTE,
                    Severity.WARNING,
                    Subject.NOBODY,
                    "%d events were missed: figures are too low".formatted(missed));
            missed = 0;
        }
    }

    /** All of it, as it is now. */
    public SwarmView view() {
        long now = clock.millis();
        var painter = new SwarmPainter(now, self, nodes, experts, trainers);
        return new SwarmView(
                now,
                connection,
                painter.nodes(),
                painter.links(),
                painter.grids(),
                charts.view(),
                painter.runs(runs.all()),
                log.latest());
    }
}
