package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.sim.SimScheduler;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.Lifetimes;
import dev.hivemind.dht.storage.RecordStore;
import dev.hivemind.rsocket.error.OverloadedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

class WatchersTest {

    private static final DhtKey KEY = DhtKey.of("key");
    private static final NodeId PEER = NodeId.ofKey(new byte[] {1});

    private final SimScheduler time = new SimScheduler();
    private final RecordStore store =
            new RecordStore(NodeId.ZERO, new Lifetimes(time.clock(Duration.ZERO), Duration.ofHours(1)), 1_000, 1 << 20);
    private final Watchers watchers = new Watchers(NodeId.ZERO, new NodeLoop(time), store, time);

    private void put(String value, long seconds) {
        store.put(DhtRecord.of(KEY, ByteString.copyFromUtf8(value), SimScheduler.START.plusSeconds(seconds)));
        watchers.changed(Set.of(KEY.target()));
        time.run(Duration.ofMillis(1));
    }

    private Flux<DhtValue> watch(NodeId peer, NodeId target) {
        return watchers.watch(peer, new WatchRequest(target, Duration.ofMinutes(1)));
    }

    private List<Disposable> watchTimes(int count) {
        List<Disposable> watches = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            watches.add(watch(NodeId.ofKey(new byte[] {(byte) i, 2}), KEY.target())
                    .subscribe());
        }
        time.run(Duration.ofMillis(1));
        return watches;
    }

    @Test
    void watch_ofAKey_emitsWhatIsKeptAndEveryChange() {
        put("a", 60);

        StepVerifier.create(watch(PEER, KEY.target()).map(DhtValue::expiresAt))
                .then(() -> time.run(Duration.ofMillis(1)))
                .expectNext(SimScheduler.START.plusSeconds(60))
                .then(() -> put("b", 61))
                .expectNext(SimScheduler.START.plusSeconds(61))
                .thenCancel()
                .verify();
    }

    @Test
    void watch_withoutDemand_keepsTheLastChangeOnly() {
        StepVerifier.create(watch(PEER, KEY.target()).map(DhtValue::expiresAt), 0)
                .then(() -> time.run(Duration.ofMillis(1)))
                .then(() -> put("a", 60))
                .then(() -> put("b", 61))
                .thenRequest(10)
                .expectNext(SimScheduler.START.plusSeconds(61))
                .thenCancel()
                .verify();
    }

    @Test
    void watch_afterItsLifetime_ends() {
        StepVerifier.create(watch(PEER, KEY.target()))
                .then(() -> time.run(Duration.ofSeconds(59)))
                .then(() -> time.run(Duration.ofSeconds(2)))
                .verifyComplete();
        time.run(Duration.ofMillis(1));
        assertThat(watchers.size()).isZero();
    }

    @Test
    void watch_ofAKeyThatManyWatch_isRefusedUntilOneLeaves() {
        List<Disposable> watches = watchTimes(Watchers.MAX_OF_A_KEY);
        StepVerifier.create(watch(PEER, KEY.target()))
                .then(() -> time.run(Duration.ofMillis(1)))
                .verifyError(OverloadedException.class);

        watches.get(0).dispose();
        time.run(Duration.ofMillis(1));
        watch(PEER, KEY.target()).subscribe();
        time.run(Duration.ofMillis(1));

        assertThat(watchers.size()).isEqualTo(Watchers.MAX_OF_A_KEY);
    }

    @Test
    void watch_byAPeerThatWatchesMuch_isRefusedToThatPeerOnly() {
        for (int i = 0; i < Watchers.MAX_OF_A_PEER; i++) {
            watch(PEER, NodeId.ofKey(new byte[] {(byte) i, 3})).subscribe();
        }
        time.run(Duration.ofMillis(1));

        StepVerifier.create(watch(PEER, KEY.target()))
                .then(() -> time.run(Duration.ofMillis(1)))
                .verifyError(OverloadedException.class);
        assertThat(watchTimes(1)).noneMatch(Disposable::isDisposed);
    }

    @Test
    void watch_ofAKeyThatThePeerWatchesTwice_isRefused() {
        watch(PEER, KEY.target()).subscribe();
        watch(PEER, KEY.target()).subscribe();
        time.run(Duration.ofMillis(1));

        StepVerifier.create(watch(PEER, KEY.target()))
                .then(() -> time.run(Duration.ofMillis(1)))
                .verifyError(OverloadedException.class);
        assertThat(watchTimes(1)).noneMatch(Disposable::isDisposed);
    }

    @Test
    void watch_byTheNodeItself_isServedAndTakesNoPlaceFromOthers() {
        List<Disposable> own = new ArrayList<>();
        for (int i = 0; i < 2 * Watchers.MAX_OF_A_KEY; i++) {
            own.add(watch(NodeId.ZERO, KEY.target()).subscribe());
        }

        assertThat(watchTimes(Watchers.MAX_OF_A_KEY)).noneMatch(Disposable::isDisposed);
        assertThat(own).noneMatch(Disposable::isDisposed);
        own.forEach(Disposable::dispose);
        time.run(Duration.ofMillis(1));
        assertThat(watchers.size()).isEqualTo(Watchers.MAX_OF_A_KEY);
    }

    @Test
    void dispose_withWatchers_endsThem() {
        StepVerifier.create(watch(PEER, KEY.target()))
                .then(() -> time.run(Duration.ofMillis(1)))
                .then(watchers::dispose)
                .then(() -> time.run(Duration.ofMillis(1)))
                .verifyComplete();
        assertThat(watchers.size()).isZero();
    }
}
