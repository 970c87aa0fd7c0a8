package dev.hivemind.dashboard.history;

import dev.hivemind.dashboard.history.EventLog.Kind;
import dev.hivemind.dashboard.history.EventLog.Severity;
import dev.hivemind.dashboard.history.EventLog.Subject;
import dev.hivemind.dashboard.history.NodeHistory.Role;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The nodes of the swarm, and who comes and goes. */
final class Nodes {

    static final int MAX_NODES = 1_000;

    /** After which a node that does not answer has left. */
    static final long LOST_MILLIS = 30_000;

    /** After which a node that was neither visited nor heard counts as out of reach. */
    static final long SILENCE_MILLIS = 60_000;

    /** A trainer of which nothing is heard for so long has left. */
    static final long TRAINER_SILENCE_MILLIS = 20_000;

    /** For how long one that has left is still shown. */
    static final long SHOWN_MILLIS = 60_000;

    private static final int SHORT_ID = 8;

    private final EventLog log;
    private final Consumer<String> onJoin;
    private final Consumer<String> onLeave;
    private final Map<String, NodeHistory> nodes = new LinkedHashMap<>();

    /**
     * No nodes yet.
     *
     * @param onJoin hears of each that comes or comes back
     * @param onLeave hears of each that has left
     */
    Nodes(EventLog log, Consumer<String> onJoin, Consumer<String> onLeave) {
        this.log = log;
        this.onJoin = onJoin;
        this.onLeave = onLeave;
    }

    @Nullable NodeHistory find(String id) {
        return nodes.get(id);
    }

    Collection<NodeHistory> all() {
        return nodes.values();
    }

    /** Whether a node answers, as far as is known. */
    boolean isInReach(String id) {
        NodeHistory node = nodes.get(id);
        return node == null || !node.isOutOfReach();
    }

    /** A node answers or tells something; null if there are too many to remember it. */
    @Nullable NodeHistory seen(long now, String id, List<PeerAddress> addresses, Role role) {
        NodeHistory node = nodes.get(id);
        if (node == null) {
            if (!hasRoom()) {
                return null;
            }
            node = new NodeHistory(id, role, now);
            nodes.put(id, node);
            joined(now, node, "%s %s is here");
        } else if (node.seen(now)) {
            joined(now, node, "%s %s is back");
        }
        node.at(addresses);
        return node;
    }

    private boolean hasRoom() {
        if (nodes.size() >= MAX_NODES) {
            nodes.values().stream()
                    .filter(NodeHistory::isGone)
                    .findFirst()
                    .map(NodeHistory::id)
                    .ifPresent(nodes::remove);
        }
        return nodes.size() < MAX_NODES;
    }

    private void joined(long now, NodeHistory node, String text) {
        onJoin.accept(node.id());
        log.add(now, Kind.JOIN, Severity.INFO, subject(node), text.formatted(name(node.role()), shortId(node.id())));
    }

    /** A node does not answer, or its events have stopped. */
    void outOfReach(long now, String id) {
        NodeHistory node = nodes.get(id);
        if (node == null || node.isOutOfReach()) {
            return;
        }
        if (node.isLeaving()) {
            leave(now, node);
            return;
        }
        node.outOfReach(now);
        log.add(
                now,
                Kind.FAILURE,
                Severity.ERROR,
                subject(node),
                "%s %s does not answer".formatted(name(node.role()), shortId(id)));
    }

    private void leave(long now, NodeHistory node) {
        node.gone(now);
        onLeave.accept(node.id());
        log.add(
                now,
                Kind.LEAVE,
                node.role() == Role.SERVER ? Severity.WARNING : Severity.INFO,
                subject(node),
                "%s %s has left".formatted(name(node.role()), shortId(node.id())));
    }

    /** Lets time pass. */
    void moveTo(long now) {
        for (Iterator<NodeHistory> all = nodes.values().iterator(); all.hasNext(); ) {
            NodeHistory node = all.next();
            if (node.isGone()) {
                if (node.goneMillis(now) >= SHOWN_MILLIS) {
                    all.remove();
                }
            } else if (node.role() == Role.TRAINER) {
                if (now - node.lastSeen() >= TRAINER_SILENCE_MILLIS) {
                    leave(now, node);
                }
            } else if (node.isOutOfReach()) {
                if (node.outOfReachMillis(now) >= LOST_MILLIS) {
                    leave(now, node);
                }
            } else if (now - node.lastSeen() >= SILENCE_MILLIS) {
                outOfReach(now, node.id());
            }
        }
    }

    static Subject subject(NodeHistory node) {
        return new Subject(node.id(), null);
    }

    static String shortId(String id) {
        return id.substring(0, Math.min(SHORT_ID, id.length()));
    }

    private static String name(Role role) {
        return switch (role) {
            case SERVER -> "Server";
            case DHT -> "Node";
            case TRAINER -> "Trainer";
        };
    }
}
