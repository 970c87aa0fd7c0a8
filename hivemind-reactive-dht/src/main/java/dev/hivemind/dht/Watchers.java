package dev.hivemind.dht;

import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.RecordStore;
import dev.hivemind.rsocket.error.OverloadedException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;

/**
 * Tells others of changes of what is kept here. Of several changes, a watcher without demand gets the last. Their number is
 * bounded, in all, for each key, for each peer and for each of both; the node's own do not count. All state is confined to
 * the node's loop; {@link #dispose()} ends them.
 */
final class Watchers implements Disposable {

    static final int MAX_OF_A_KEY = 64;
    static final int MAX_OF_A_PEER = 64;

    /** The one that a peer has, and the one that takes its place. */
    static final int MAX_OF_A_PEER_AND_KEY = 2;

    private static final int MAX = 4_096;
    private static final Duration RETRY_AFTER = Duration.ofSeconds(10);

    private final NodeLoop loop;
    private final RecordStore store;
    private final Scheduler timer;
    private final Map<NodeId, Set<Watcher>> byTarget = new HashMap<>();
    private final Map<NodeId, Integer> byPeer = new HashMap<>();
    private final NodeId self;
    private final Sinks.Empty<Void> ended = Sinks.empty();
    private int others;
    private volatile boolean disposed;

    Watchers(NodeId self, NodeLoop loop, RecordStore store, Scheduler timer) {
        this.self = self;
        this.loop = loop;
        this.store = store;
        this.timer = timer;
    }

    /**
     * What is kept at an id now, if anything, and whenever that has changed, for some time.
     *
     * <p>Errors: {@link OverloadedException} if there are too many watchers.
     */
    Flux<DhtValue> watch(NodeId peer, WatchRequest request) {
        return Flux.<DhtValue>create(
                        sink -> loop.execute(() -> admit(new Watcher(peer, request.target(), sink))),
                        FluxSink.OverflowStrategy.LATEST)
                .takeUntilOther(Mono.delay(request.lifetime(), timer))
                .takeUntilOther(ended.asMono());
    }

    private void admit(Watcher watcher) {
        if (disposed) {
            watcher.sink().complete();
            return;
        }
        if (isOther(watcher) && !hasPlace(watcher)) {
            watcher.sink().error(new OverloadedException("Too many watch here", RETRY_AFTER));
            return;
        }
        byTarget.computeIfAbsent(watcher.target(), any -> new LinkedHashSet<>()).add(watcher);
        if (isOther(watcher)) {
            byPeer.merge(watcher.peer(), 1, Integer::sum);
            others++;
        }
        watcher.sink().onDispose(() -> loop.execute(() -> forget(watcher)));
        DhtValue kept = store.get(watcher.target());
        if (kept != null) {
            watcher.sink().next(kept);
        }
    }

    private boolean isOther(Watcher watcher) {
        return !watcher.peer().equals(self);
    }

    private boolean hasPlace(Watcher watcher) {
        Set<Watcher> ofKey = byTarget.getOrDefault(watcher.target(), Set.of());
        long ofBoth =
                ofKey.stream().filter(one -> one.peer().equals(watcher.peer())).count();
        return others < MAX
                && ofKey.stream().filter(this::isOther).count() < MAX_OF_A_KEY
                && byPeer.getOrDefault(watcher.peer(), 0) < MAX_OF_A_PEER
                && ofBoth < MAX_OF_A_PEER_AND_KEY;
    }

    private void forget(Watcher watcher) {
        Set<Watcher> ofKey = byTarget.get(watcher.target());
        if (ofKey == null || !ofKey.remove(watcher)) {
            return;
        }
        if (ofKey.isEmpty()) {
            byTarget.remove(watcher.target());
        }
        if (isOther(watcher)) {
            byPeer.computeIfPresent(watcher.peer(), (peer, count) -> count == 1 ? null : count - 1);
            others--;
        }
    }

    /** What is kept at some ids has changed; called on the loop. */
    void changed(Set<NodeId> targets) {
        for (NodeId target : targets) {
            Set<Watcher> watchers = byTarget.get(target);
            DhtValue kept = watchers == null ? null : store.get(target);
            if (watchers != null && kept != null) {
                List.copyOf(watchers).forEach(watcher -> watcher.sink().next(kept));
            }
        }
    }

    /** How many there are; called on the loop. */
    int size() {
        return byTarget.values().stream().mapToInt(Set::size).sum();
    }

    /** At once: the loop may end before it comes to any more. */
    @Override
    public void dispose() {
        disposed = true;
        ended.tryEmitEmpty();
    }

    @Override
    public boolean isDisposed() {
        return disposed;
    }

    /** Told apart by identity: a peer may watch the same key twice. */
    private static final class Watcher {

        private final NodeId peer;
        private final NodeId target;
        private final FluxSink<DhtValue> sink;

        Watcher(NodeId peer, NodeId target, FluxSink<DhtValue> sink) {
            this.peer = peer;
            this.target = target;
            this.sink = sink;
        }

        NodeId peer() {
            return peer;
        }

        NodeId target() {
            return target;
        }

        FluxSink<DhtValue> sink() {
            return sink;
        }
    }
}
