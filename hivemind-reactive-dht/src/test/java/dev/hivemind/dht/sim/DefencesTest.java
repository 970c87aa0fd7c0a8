package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.rpc.WatchRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.error.OverloadedException;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What nodes do about peers that ask for too much. */
class DefencesTest {

    private static final DhtKey KEY = DhtKey.of("key");

    private final SimSwarm swarm = new SimSwarm(5, node -> node.bucketSize(5).replicas(5));

    @AfterEach
    void close() {
        swarm.close();
    }

    private EncodedDhtRpc stranger() {
        return new EncodedDhtRpc(
                swarm.network().dialling(swarm.network().identity()), Duration.ofSeconds(3), swarm.time());
    }

    private static Contact contact(SimSwarm.Member member) {
        return Contact.of(member.node().id(), member.node().addresses());
    }

    private PutResult storeAt(SimSwarm.Member member) {
        var record = DhtRecord.of(KEY, ByteString.EMPTY, swarm.node(0).now().plusSeconds(60));
        return swarm.await(stranger().store(contact(member), new StoreRequest(List.of(record))))
                .reply()
                .results()
                .get(0);
    }

    @Test
    void store_atAPeerFarFromTheKey_isRefusedAsTooFar() {
        swarm.grow(200);
        swarm.time().run(Duration.ofMinutes(1));
        List<SimSwarm.Member> byDistance = swarm.nearest(KEY.target(), 200);

        assertThat(byDistance.subList(0, 5)).allMatch(near -> storeAt(near) == PutResult.STORED);
        assertThat(byDistance.subList(180, 200)).allMatch(far -> storeAt(far) == PutResult.TOO_FAR);
        assertThat(swarm.await(byDistance.get(199).node().snapshot()).records()).isZero();
    }

    @Test
    void find_byAFloodingPeer_isSlowedDownAndHarmsNobodyElse() {
        swarm.grow(30);
        swarm.await(swarm.node(0)
                .store(DhtRecord.of(KEY, ByteString.EMPTY, swarm.node(0).now().plusSeconds(600))));
        SimSwarm.Member victim = swarm.nearest(KEY.target(), 1).get(0);
        var question = new FindRequest(
                Stream.generate(KEY::target).limit(FindRequest.MAX_TARGETS).toList(), true);
        EncodedDhtRpc flooder = stranger();
        Mono<Integer> flood = Flux.range(0, 3_000)
                .flatMap(
                        i -> flooder.find(contact(victim), question)
                                .map(answer -> 1)
                                .onErrorResume(OverloadedException.class, refused -> Mono.just(0))
                                .onErrorResume(RpcException.class, lost -> Mono.just(0)),
                        50)
                .reduce(0, Integer::sum);
        int[] served = {-1};
        flood.subscribe(count -> served[0] = count);

        EncodedDhtRpc honest = stranger();
        for (int i = 0; i < 20; i++) {
            Duration before = swarm.time().elapsed();
            assertThat(swarm.await(honest.find(contact(victim), question))
                            .reply()
                            .results())
                    .hasSize(FindRequest.MAX_TARGETS);
            assertThat(swarm.time().elapsed().minus(before)).isLessThan(Duration.ofSeconds(1));
        }
        swarm.time().runUntil(() -> served[0] >= 0, Duration.ofMinutes(5));

        assertThat(served[0]).isBetween(10_000 / FindRequest.MAX_TARGETS, 3_000 / 2);
    }

    private DhtRecord entryOf(SimSwarm.Member owner) {
        return owner.node()
                .own(
                        KEY,
                        ByteString.EMPTY,
                        ByteString.copyFromUtf8("v"),
                        owner.node().now().plusSeconds(600));
    }

    /** Tells everybody that it has copies of an entry. */
    private void spread(DhtRecord record) {
        EncodedDhtRpc hostile = stranger();
        swarm.awaitAll(Flux.fromIterable(swarm.members())
                .flatMap(member -> hostile.store(contact(member), new StoreRequest(List.of(record), true))));
        swarm.time().run(Duration.ofSeconds(5));
    }

    @Test
    void get_afterAStrangerSpreadCopiesOfOneEntry_findsTheOthersToo() {
        swarm.grow(60);
        SimSwarm.Member owner = swarm.members().get(0);
        swarm.await(owner.node().store(entryOf(owner)));
        SimSwarm.Member liar = swarm.members().get(59);

        spread(entryOf(liar));

        for (SimSwarm.Member asker : swarm.members()) {
            DictionaryRecord found = (DictionaryRecord) swarm.await(asker.node().get(KEY));
            assertThat(found.entries().keySet()).containsExactly(entryOf(owner).subkey());
        }
    }

    @Test
    void getLatest_afterAFifthOwnerSpreadCopiesOfItsEntry_findsTheFourWhoseSeatsTheyAre() {
        swarm.grow(60);
        for (SimSwarm.Member owner : swarm.members().subList(0, DictionaryRecord.MAX_OWNERS)) {
            swarm.await(owner.node().store(entryOf(owner)));
        }

        spread(entryOf(swarm.members().get(50)));

        for (SimSwarm.Member asker : swarm.members()) {
            assertThat(swarm.await(asker.node().getLatest(KEY)).recordCount()).isEqualTo(DictionaryRecord.MAX_OWNERS);
        }
    }

    @Test
    void watch_ofANodeThatCloses_endsAtOnce() {
        swarm.grow(5);
        SimSwarm.Member watched = swarm.members().get(2);
        boolean[] ended = {false};
        Disposable watch = stranger()
                .watch(contact(watched), new WatchRequest(KEY.target(), Duration.ofMinutes(10)))
                .doOnComplete(() -> ended[0] = true)
                .subscribe();
        swarm.time().run(Duration.ofSeconds(1));
        assertThat(ended[0]).isFalse();

        swarm.await(watched.node().close());
        swarm.time().run(Duration.ofSeconds(1));

        assertThat(ended[0]).isTrue();
        assertThat(watch.isDisposed()).isTrue();
    }
}
