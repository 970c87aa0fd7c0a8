package dev.hivemind.dashboard.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.hivemind.dashboard.history.SwarmHistory;
import dev.hivemind.dashboard.history.SwarmView.ConnectionView;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.testkit.ManualClock;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.test.StepVerifier;
import reactor.test.scheduler.VirtualTimeScheduler;

class UpdateFeedTest {

    private static final PeerId PEER = PeerId.fromBytes(new byte[PeerId.BYTES]);
    private static final Pattern ID = Pattern.compile("(?m)^id: (\\d+)$");

    private final ManualClock clock = new ManualClock();
    private final VirtualTimeScheduler collector = VirtualTimeScheduler.create();
    private final SwarmHistory history = new SwarmHistory(PEER, clock);
    private final UpdateFeed feed =
            new UpdateFeed(history, new About("1", "c", PEER.toString(), "127.0.0.1:1", 0), collector, clock);
    private final long firstId = clock.millis();
    private int changes;

    @BeforeEach
    void start() {
        feed.start();
    }

    @AfterEach
    void stop() {
        feed.dispose();
        collector.dispose();
    }

    private void pass(Duration time) {
        for (Duration passed = Duration.ZERO; passed.compareTo(time) < 0; passed = passed.plusMillis(100)) {
            clock.advance(Duration.ofMillis(100));
            collector.advanceTimeBy(Duration.ofMillis(100));
        }
    }

    /** Changes the picture without changing its size. */
    private void change() {
        changes++;
        history.connection(new ConnectionView("joined", "127.0.0.1:1", "Change %06d".formatted(changes), null));
    }

    private static final class Browser extends BaseSubscriber<byte[]> {

        private final List<String> frames = new ArrayList<>();
        private final long demand;
        private boolean ended;

        Browser(long demand) {
            this.demand = demand;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            if (demand > 0) {
                subscription.request(demand);
            }
        }

        @Override
        protected void hookOnNext(byte[] frame) {
            frames.add(new String(frame, StandardCharsets.UTF_8));
        }

        @Override
        protected void hookOnComplete() {
            ended = true;
        }

        List<String> kinds() {
            return frames.stream()
                    .map(frame ->
                            frame.contains("event: snapshot") ? "snapshot" : frame.startsWith(":") ? "alive" : "update")
                    .toList();
        }

        long lastId() {
            Matcher id = ID.matcher(frames.get(frames.size() - 1));
            assertThat(id.find()).isTrue();
            return Long.parseLong(id.group(1));
        }
    }

    private Browser open(long demand, @Nullable Long lastSeen) {
        var browser = new Browser(demand);
        feed.updates(lastSeen).subscribe(browser);
        collector.advanceTime();
        return browser;
    }

    @Test
    void updates_ofANewBrowser_beginWithASnapshotAndGoOn() {
        Browser browser = open(Long.MAX_VALUE, null);
        change();
        pass(Duration.ofMillis(200));

        assertThat(browser.kinds()).startsWith("snapshot", "update");
        assertThat(browser.frames.get(1)).contains("Change 000001").endsWith("}\n\n");
        assertThat(browser.frames)
                .allMatch(frame ->
                        frame.lines().filter(line -> line.startsWith("data: ")).count() == 1);
    }

    @Test
    void updates_ofManyChanges_areAtMostFiveASecond() {
        Browser browser = open(Long.MAX_VALUE, null);
        for (int i = 0; i < 100; i++) {
            change();
            pass(Duration.ofMillis(100));
        }

        assertThat(browser.frames).hasSizeBetween(45, 52);
    }

    @Test
    void updates_afterANewBrowserCausedOne_comeNoSoonerThanUsually() {
        open(Long.MAX_VALUE, null);
        pass(Duration.ofMillis(300));
        change();
        Browser late = open(Long.MAX_VALUE, null);
        change();

        pass(Duration.ofMillis(100));
        assertThat(late.kinds()).containsExactly("snapshot");
        pass(Duration.ofMillis(200));
        assertThat(late.kinds()).containsExactly("snapshot", "update");
    }

    @Test
    void updates_ofSeveralBrowsers_areTheSameBytes() {
        var one = new ArrayList<byte[]>();
        var other = new ArrayList<byte[]>();
        feed.updates(null).subscribe(one::add);
        feed.updates(null).subscribe(other::add);
        collector.advanceTime();
        change();
        pass(Duration.ofMillis(200));

        assertThat(one).hasSameSizeAs(other).hasSizeGreaterThan(1);
        for (int i = 0; i < one.size(); i++) {
            assertThat(one.get(i)).isSameAs(other.get(i));
        }
    }

    @Test
    void updates_ofABrowserThatWasAway_areThoseThatItMissed() {
        Browser stays = open(Long.MAX_VALUE, null);
        Browser leaves = open(Long.MAX_VALUE, null);
        change();
        pass(Duration.ofMillis(200));
        leaves.cancel();
        long last = leaves.lastId();
        change();
        pass(Duration.ofMillis(200));
        change();
        pass(Duration.ofMillis(200));

        Browser back = open(Long.MAX_VALUE, last);

        assertThat(back.kinds()).containsOnly("update");
        assertThat(back.frames)
                .isEqualTo(stays.frames.subList(stays.frames.size() - back.frames.size(), stays.frames.size()));
        assertThat(back.frames).hasSize(2);
    }

    @Test
    void updates_ofABrowserThatNobodyKnows_beginWithASnapshot() {
        assertThat(open(Long.MAX_VALUE, firstId + 1_000_000).kinds()).startsWith("snapshot");
        assertThat(open(Long.MAX_VALUE, 3L).kinds()).startsWith("snapshot");
        assertThat(open(Long.MAX_VALUE, Long.MIN_VALUE).kinds()).startsWith("snapshot");
    }

    @Test
    void updates_whileNobodyLooks_areNotMade() {
        Browser browser = open(Long.MAX_VALUE, null);
        long last = browser.lastId();
        browser.cancel();
        for (int i = 0; i < 50; i++) {
            change();
            pass(Duration.ofMillis(200));
        }

        Browser back = open(Long.MAX_VALUE, last);

        assertThat(back.kinds()).containsExactly("update");
        assertThat(back.lastId()).isEqualTo(last + 1);
        assertThat(back.frames.get(0)).contains("Change 000050");
    }

    @Test
    void updates_ofABrowserThatReadsSlowly_fallBackToASnapshot() {
        Browser slow = open(1, null);
        Browser fast = open(Long.MAX_VALUE, null);
        for (int i = 0; i < FrameLog.MAX_FRAMES + 20; i++) {
            change();
            pass(Duration.ofMillis(200));
        }
        assertThat(slow.frames).hasSize(1);

        slow.request(1);
        collector.advanceTime();

        assertThat(slow.kinds()).containsExactly("snapshot", "snapshot");
        assertThat(slow.lastId()).isEqualTo(fast.lastId());
    }

    @Test
    void updates_ofABrowserThatNeverReads_endAfterAWhile() {
        Browser never = open(0, null);
        assertThat(feed.viewers()).isOne();

        pass(UpdateFeed.PATIENCE.plusSeconds(1));

        assertThat(never.ended).isTrue();
        assertThat(feed.viewers()).isZero();
    }

    @Test
    void updates_ofTooManyBrowsers_areRefused() {
        for (int i = 0; i < UpdateFeed.MAX_VIEWERS; i++) {
            open(0, null);
        }

        StepVerifier.create(feed.updates(null)).verifyError(IllegalStateException.class);
        assertThat(feed.viewers()).isEqualTo(UpdateFeed.MAX_VIEWERS);
    }

    @Test
    void snapshot_isWhatIsKnownNow() {
        change();
        clock.advance(Duration.ofSeconds(1));

        StepVerifier.create(feed.snapshot()
                        .map(json -> StandardCharsets.UTF_8.decode(json).toString()))
                .then(collector::advanceTime)
                .assertNext(json -> assertThat(json).contains("Change 000001"))
                .verifyComplete();
    }

    @Test
    void updates_thatCannotBeMade_sendTheBrowserAway() {
        var broken = new Clock() {

            private boolean fails;

            @Override
            public Instant instant() {
                if (fails) {
                    throw new IllegalStateException("Out of order");
                }
                return clock.instant();
            }

            @Override
            public ZoneId getZone() {
                return clock.getZone();
            }

            @Override
            public Clock withZone(ZoneId zone) {
                return this;
            }
        };
        var other = new UpdateFeed(new SwarmHistory(PEER, broken), feed.about(), collector, clock);
        var browser = new Browser(Long.MAX_VALUE);
        broken.fails = true;

        other.updates(null).subscribe(browser);
        collector.advanceTime();

        assertThat(browser.ended).isTrue();
        assertThat(other.viewers()).isZero();
    }

    @Test
    void dispose_sendsBrowsersAway() {
        Browser browser = open(Long.MAX_VALUE, null);

        feed.dispose();
        collector.advanceTime();

        assertThat(browser.ended).isTrue();
        Browser late = open(Long.MAX_VALUE, null);
        assertThat(late.ended).isTrue();
    }
}
