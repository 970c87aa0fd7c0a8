package dev.hivemind.dashboard.swarm;

import dev.hivemind.dashboard.history.FeedState;
import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.PeerConnection;
import dev.hivemind.rsocket.PeerNode;
import dev.hivemind.rsocket.error.RpcNonTransientException;
import dev.hivemind.rsocket.events.EventFeed;
import dev.hivemind.rsocket.events.proto.EventMessage;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;

/**
 * Subscriptions to the events of nodes, 64 at once; where there are more nodes, servers come first, and all of them have
 * their turns. Used on the collector's thread, on which events arrive too: while that is busy, nothing is asked for.
 */
final class NodeFeeds implements Disposable {

    static final int MAX_FEEDS = 64;

    private static final int PREFETCH = 8;

    /** A feed that is quiet but not refused for so long is live. */
    private static final long QUIET_MILLIS = 2_000;

    private static final Duration TURN = Duration.ofMinutes(1);
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LAST_PAUSE = Duration.ofSeconds(30);
    private static final Duration REFUSED_PAUSE = Duration.ofMinutes(5);
    private static final int MAX_REMEMBERED = 2_000;
    private static final Logger LOG = LoggerFactory.getLogger(NodeFeeds.class);

    private final PeerNode node;
    private final SwarmHistory history;
    private final Scheduler collector;
    private final Clock clock;
    private final Consumer<Contact> onEnd;
    private final Map<PeerId, Feed> active = new HashMap<>();
    private final Map<PeerId, Rest> resting = new HashMap<>();
    private boolean disposed;

    /** One subscription. */
    private static final class Feed {

        private final Contact contact;
        private final long since;
        private final Disposable.Swap subscription = Disposables.swap();
        private @Nullable PeerConnection connection;
        private boolean live;

        Feed(Contact contact, long since) {
            this.contact = contact;
            this.since = since;
        }
    }

    /** A pause after an end. */
    private record Rest(long until, Duration pause) {}

    /**
     * No subscriptions yet.
     *
     * @param onEnd hears when one ended that nobody here ended, so that somebody looks whether the node is still there
     */
    NodeFeeds(PeerNode node, SwarmHistory history, Scheduler collector, Clock clock, Consumer<Contact> onEnd) {
        this.node = node;
        this.history = history;
        this.collector = collector;
        this.clock = clock;
        this.onEnd = onEnd;
    }

    /** Subscribes to those nodes that answer and are not subscribed to. */
    void update(Collection<Contact> nodes) {
        long now = clock.millis();
        active.values().forEach(feed -> becomeLive(feed, now, QUIET_MILLIS));
        List<Contact> waiting = nodes.stream()
                .filter(contact -> !active.containsKey(contact.peerId()))
                .filter(contact -> !isResting(contact.peerId(), now))
                .sorted(Comparator.comparing(contact -> !history.isServer(contact.peerId())))
                .toList();
        makeRoom(waiting.size(), now);
        waiting.stream().limit(Math.max(0, MAX_FEEDS - active.size())).forEach(contact -> subscribe(contact, now));
    }

    private boolean isResting(PeerId id, long now) {
        Rest rest = resting.get(id);
        return rest != null && rest.until() > now;
    }

    private void makeRoom(int wanted, long now) {
        int missing = wanted - (MAX_FEEDS - active.size());
        if (missing > 0) {
            active.values().stream()
                    .filter(feed -> now - feed.since >= TURN.toMillis())
                    .sorted(Comparator.comparingLong(feed -> feed.since))
                    .limit(missing)
                    .toList()
                    .forEach(feed -> rotate(feed, now));
        }
    }

    private void rotate(Feed feed, long now) {
        PeerId id = feed.contact.peerId();
        active.remove(id);
        feed.subscription.dispose();
        history.feed(id, FeedState.NONE, null);
        rest(id, new Rest(now + TURN.toMillis(), FIRST_PAUSE));
    }

    private void rest(PeerId id, Rest rest) {
        if (resting.size() >= MAX_REMEMBERED) {
            resting.values().removeIf(old -> old.until() <= clock.millis());
        }
        resting.put(id, rest);
    }

    private void subscribe(Contact contact, long now) {
        var feed = new Feed(contact, now);
        PeerId id = contact.peerId();
        active.put(id, feed);
        history.feed(id, FeedState.CONNECTING, null);
        Flux<EventMessage> events = node.connect(id, contact.addresses())
                .publishOn(collector)
                .doOnNext(connection -> feed.connection = connection)
                .flatMapMany(EventFeed::of)
                .publishOn(collector, PREFETCH);
        feed.subscription.update(
                events.subscribe(event -> received(feed, event), error -> ended(feed, error), () -> ended(feed, null)));
    }

    private void received(Feed feed, EventMessage event) {
        becomeLive(feed, clock.millis(), 0);
        history.told(feed.contact.peerId(), event);
    }

    private void becomeLive(Feed feed, long now, long quietMillis) {
        PeerConnection connection = feed.connection;
        if (!feed.live && connection != null && now - feed.since >= quietMillis) {
            feed.live = true;
            history.feed(feed.contact.peerId(), FeedState.LIVE, connection.roundTrip());
        }
    }

    private void ended(Feed feed, @Nullable Throwable error) {
        PeerId id = feed.contact.peerId();
        if (disposed || !active.remove(id, feed)) {
            return;
        }
        LOG.debug("The events of {} have ended", feed.contact, error);
        history.feed(id, FeedState.NONE, null);
        if (error instanceof RpcNonTransientException) {
            rest(id, new Rest(clock.millis() + REFUSED_PAUSE.toMillis(), FIRST_PAUSE));
        } else {
            pause(feed);
            onEnd.accept(feed.contact);
        }
    }

    private void pause(Feed feed) {
        PeerId id = feed.contact.peerId();
        Rest before = resting.get(id);
        Duration pause = before == null || feed.live ? FIRST_PAUSE : longer(before.pause());
        rest(id, new Rest(clock.millis() + pause.toMillis(), pause));
    }

    private static Duration longer(Duration pause) {
        Duration twice = pause.multipliedBy(2);
        return twice.compareTo(LAST_PAUSE) < 0 ? twice : LAST_PAUSE;
    }

    @Override
    public void dispose() {
        disposed = true;
        active.forEach((id, feed) -> {
            feed.subscription.dispose();
            history.feed(id, FeedState.NONE, null);
        });
        active.clear();
    }
}
