package dev.hivemind.moe.client;

import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.Reply;
import dev.hivemind.rsocket.frame.Route;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/**
 * The long-lived channels of a client: one for each owner of an expert and each direction, opened by its first call and
 * closed when it was without calls for a while. Each has its own demand, so that a slow expert keeps nobody else waiting.
 *
 * <p>Bounded: the least recently used channel without calls makes room for another. If all are busy, a call goes alone,
 * and waits for room at the peer like those of channels. Thread-safe; channels are closed outside the lock, since that
 * runs the code of whoever waits for an answer.
 */
final class CallChannels implements Disposable {

    private static final float LOAD_FACTOR = 0.75f;

    private final StreamLimits limits;
    private final Scheduler timers;

    /** Least recently used first. */
    private final Map<Key, Line> open = new LinkedHashMap<>(16, LOAD_FACTOR, true);

    /** Channels whose last calls are under way. */
    private final Set<Line> retired = new HashSet<>();

    private @Nullable Disposable sweep;
    private boolean disposed;

    /** @param timers where deadlines pass and idle channels are closed; disposed with this */
    CallChannels(StreamLimits limits, Scheduler timers) {
        this.limits = limits;
        this.timers = timers;
    }

    /** Sends a call over the channel of its expert and direction on this connection. The receiver owns the reply. */
    Mono<Reply> send(PeerConnection connection, ExpertUid expert, PendingRequest request) {
        return Mono.using(
                () -> seat(connection, new Route(request.operation(), expert.toString())),
                seat -> seat.send(connection, request),
                this::leave);
    }

    private Seat seat(PeerConnection connection, Route route) {
        List<CallChannel> replaced = new ArrayList<>(0);
        Seat seat = seat(new Key(connection.peerId(), route), connection, replaced);
        replaced.forEach(CallChannel::dispose);
        return seat;
    }

    private synchronized Seat seat(Key key, PeerConnection connection, List<CallChannel> replaced) {
        Line line = open.get(key);
        if (line != null && !line.serves(connection)) {
            open.remove(key);
            line.retire(replaced);
            line = null;
        }
        if (line == null && !disposed && hasRoom(key.peer, replaced)) {
            line = new Line(new CallChannel(connection, key.route, limits.maxWaiting(), timers));
            open.put(key, line);
            watchIdle(limits.idleTimeout());
        }
        if (line != null) {
            line.users++;
        }
        return new Seat(line);
    }

    private boolean hasRoom(PeerId peer, List<CallChannel> replaced) {
        long ofPeer =
                open.keySet().stream().filter(key -> key.peer.equals(peer)).count();
        if (ofPeer >= limits.maxPerPeer()) {
            return replaceEldest(key -> key.peer.equals(peer), replaced);
        }
        return open.size() < limits.maxStreams() || replaceEldest(key -> true, replaced);
    }

    private boolean replaceEldest(Predicate<Key> which, List<CallChannel> replaced) {
        for (var entry : open.entrySet()) {
            Line line = entry.getValue();
            if (line.users == 0 && which.test(entry.getKey())) {
                open.remove(entry.getKey());
                line.retire(replaced);
                return true;
            }
        }
        return false;
    }

    private void leave(Seat seat) {
        Line line = seat.line;
        if (line != null && isLast(line)) {
            line.channel.dispose();
        }
    }

    /** Whether nobody needs the channel any more. */
    private synchronized boolean isLast(Line line) {
        line.users--;
        line.idleSinceNanos = now();
        return line.users == 0 && retired.remove(line);
    }

    private void watchIdle(Duration time) {
        if (sweep == null && !disposed) {
            try {
                sweep = timers.schedule(this::closeIdle, time.toNanos(), TimeUnit.NANOSECONDS);
            } catch (RejectedExecutionException closed) {
                disposed = true;
            }
        }
    }

    private void closeIdle() {
        removeIdle().forEach(CallChannel::dispose);
    }

    private synchronized List<CallChannel> removeIdle() {
        List<CallChannel> idle = new ArrayList<>();
        long now = now();
        long most = limits.idleTimeout().toNanos();
        long next = most;
        for (var lines = open.values().iterator(); lines.hasNext(); ) {
            Line line = lines.next();
            long left = line.users > 0 ? most : most - (now - line.idleSinceNanos);
            if (left <= 0) {
                lines.remove();
                idle.add(line.channel);
            } else {
                next = Math.min(next, left);
            }
        }
        sweep = null;
        if (!open.isEmpty()) {
            watchIdle(Duration.ofNanos(next));
        }
        return idle;
    }

    /** Channels that are kept. */
    synchronized int size() {
        return open.size();
    }

    private long now() {
        return timers.now(TimeUnit.NANOSECONDS);
    }

    /** Closes every channel; further calls go alone. Idempotent. */
    @Override
    public void dispose() {
        removeAll().forEach(CallChannel::dispose);
        timers.dispose();
    }

    private synchronized List<CallChannel> removeAll() {
        disposed = true;
        List<CallChannel> all = Stream.concat(open.values().stream(), retired.stream())
                .map(line -> line.channel)
                .toList();
        open.clear();
        retired.clear();
        return all;
    }

    @Override
    public synchronized boolean isDisposed() {
        return disposed;
    }

    private record Key(PeerId peer, Route route) {}

    /** A channel with those who use it; guarded by the lock of all. */
    private final class Line {

        private final CallChannel channel;
        private long idleSinceNanos = now();
        private int users;

        Line(CallChannel channel) {
            this.channel = channel;
        }

        boolean serves(PeerConnection connection) {
            return channel.connection() == connection && !channel.isDisposed();
        }

        /** Closes the channel with its last call. */
        void retire(List<CallChannel> closed) {
            if (users == 0) {
                closed.add(channel);
            } else {
                retired.add(this);
            }
        }
    }

    /** The place of one call: on a channel, or beside them all. */
    private record Seat(@Nullable Line line) {

        Mono<Reply> send(PeerConnection connection, PendingRequest request) {
            return line == null ? UnderstoodRequest.sendPatiently(connection, request) : line.channel.send(request);
        }
    }
}
