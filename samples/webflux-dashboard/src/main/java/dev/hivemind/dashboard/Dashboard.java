package dev.hivemind.dashboard;

import dev.hivemind.dashboard.history.SteadyClock;
import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dashboard.swarm.SwarmObserver;
import dev.hivemind.dashboard.swarm.Watched;
import dev.hivemind.dashboard.web.About;
import dev.hivemind.dashboard.web.PortTakenException;
import dev.hivemind.dashboard.web.UpdateFeed;
import dev.hivemind.dashboard.web.WebOptions;
import dev.hivemind.dashboard.web.WebServer;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.netty.resources.LoopResources;

/**
 * A running dashboard. It watches the swarm whether anybody looks or not, keeps a bounded history in memory, and shows it at
 * its URL. Two event loops and one thread do all of it. A swarm that cannot be reached is no error: the page says so, and it
 * is tried again.
 */
public final class Dashboard implements AutoCloseable {

    private static final int EVENT_LOOPS = 2;
    private static final Duration START_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    private final Scheduler collector;
    private final LoopResources loops;
    private final SwarmObserver observer;
    private final UpdateFeed feed;
    private final WebServer web;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Dashboard(
            Scheduler collector, LoopResources loops, SwarmObserver observer, UpdateFeed feed, WebServer web) {
        this.collector = collector;
        this.loops = loops;
        this.observer = observer;
        this.feed = feed;
        this.web = web;
    }

    /**
     * Starts a dashboard. Blocks until browsers and trainers can come, which takes some seconds; the swarm is joined
     * meanwhile or later.
     *
     * @throws PortTakenException if somebody else listens on the port for browsers
     * @throws dev.hivemind.rsocket.ListenException if nobody can listen where trainers are to report
     */
    public static Dashboard start(DashboardOptions options) {
        Scheduler collector = Schedulers.newSingle("hivemind-dashboard", true);
        LoopResources loops = LoopResources.create("hivemind-dashboard-io", EVENT_LOOPS, true);
        PeerIdentity identity = PeerIdentity.generate();
        Clock clock = SteadyClock.system();
        var history = new SwarmHistory(identity.id(), clock);
        var observer = new SwarmObserver(
                new Watched(options.initialPeers(), options.prefixes(), options.reportOn()),
                identity,
                history,
                collector,
                loops);
        try {
            observer.listen().block(START_TIMEOUT);
            var feed = new UpdateFeed(history, about(options, identity, observer, clock), collector, clock);
            var web = WebServer.start(
                    new WebOptions(options.host(), options.port(), options.allowedHosts()), feed, loops);
            feed.start();
            observer.start();
            return new Dashboard(collector, loops, observer, feed, web);
        } catch (RuntimeException e) {
            end(observer, loops, collector);
            throw e;
        }
    }

    private static About about(DashboardOptions options, PeerIdentity identity, SwarmObserver observer, Clock clock) {
        return new About(
                options.version(),
                options.commit(),
                identity.id().toString(),
                observer.reportAddress().toString(),
                clock.millis());
    }

    /** Where browsers go to; ends with a slash. */
    public String url() {
        return web.url();
    }

    /** Where trainers report to, by {@link dev.hivemind.rsocket.events.EventFeed#offer}. */
    public PeerAddress reportAddress() {
        return observer.reportAddress();
    }

    /** Ends everything within a few seconds. Idempotent. Blocks. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            feed.dispose();
            web.close();
            end(observer, loops, collector);
        }
    }

    private static void end(SwarmObserver observer, LoopResources loops, Scheduler collector) {
        observer.close()
                .timeout(CLOSE_TIMEOUT, Mono.empty())
                .then(loops.disposeLater(Duration.ZERO, CLOSE_TIMEOUT))
                .onErrorComplete()
                .block(CLOSE_TIMEOUT.multipliedBy(3));
        collector.dispose();
    }
}
