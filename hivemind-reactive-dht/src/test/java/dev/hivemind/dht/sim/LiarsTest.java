package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.proto.EntryMessage;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.FindResultMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

/** What nodes do about peers that lie, or ask for work that is of no use. */
class LiarsTest {

    private static final DhtKey KEY = DhtKey.of("key");

    private final SimSwarm swarm = new SimSwarm(39, node -> node.bucketSize(5).replicas(5));
    private final EncodedDhtRpc stranger = new EncodedDhtRpc(
            swarm.network().dialling(swarm.network().identity()), Duration.ofSeconds(3), swarm.time());

    @AfterEach
    void close() {
        swarm.close();
    }

    private static Contact contact(Member member) {
        return Contact.of(member.node().id(), member.node().addresses());
    }

    private static DhtRecord own(DhtNode owner, DhtKey key, String name) {
        return owner.own(
                key,
                ByteString.copyFromUtf8(name),
                ByteString.copyFromUtf8("v"),
                owner.now().plusSeconds(600));
    }

    /** Records that say they are of one peer, with a signature of another. */
    private List<DhtRecord> forgeries(int count) {
        DhtRecord real = own(swarm.node(1), KEY, "real");
        List<DhtRecord> forgeries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            DhtRecord claimed = own(swarm.node(0), KEY, "name" + i);
            forgeries.add(new DhtRecord(KEY, claimed.subkey(), real.body()));
        }
        return forgeries;
    }

    private static EntryMessage entry(DhtRecord record) {
        PlainRecord body = record.body();
        return EntryMessage.newBuilder()
                .setSubkey(record.subkey())
                .setValue(body.value())
                .setExpiresAtMillis(body.expiresAt().toEpochMilli())
                .setOwnerKey(body.owned().ownerKey())
                .setSequence(body.owned().sequence())
                .setSignature(body.owned().signature())
                .build();
    }

    @Test
    void getLatest_amongPeersThatAnswerWithForgeries_findsTheEntryOfTheOwner() {
        swarm.grow(30);
        DhtRecord real = own(swarm.node(2), KEY, "real");
        swarm.await(swarm.node(2).store(real));
        var answer = FindReplyMessage.newBuilder()
                .addResults(FindResultMessage.newBuilder()
                        .addAllEntries(
                                forgeries(200).stream().map(LiarsTest::entry).toList()))
                .build();
        List<Member> nearest = swarm.nearest(KEY.target(), 30);
        nearest.subList(0, 3)
                .forEach(liar -> liar.transport().answer(Operation.DHT_FIND, (caller, body) -> Mono.just(answer)));

        for (Member asker : nearest.subList(10, 30)) {
            var found = (DictionaryRecord) swarm.await(asker.node().getLatest(KEY));
            assertThat(found.entries()).containsOnlyKeys(real.subkey());
        }
    }

    @Test
    void store_ofManyForgeriesAtAKeeper_isAViolation() {
        swarm.grow(20);
        Contact near = contact(swarm.nearest(KEY.target(), 1).get(0));
        var request = new StoreRequest(forgeries(64));

        assertThatExceptionOfType(ProtocolViolationException.class)
                .isThrownBy(() -> swarm.await(stranger.store(near, request)));
    }

    @Test
    void store_ofManyForgeriesFarFromTheirKey_isRefusedWithoutLookingAtThem() {
        swarm.grow(100);
        swarm.time().run(Duration.ofMinutes(1));
        Contact far = contact(swarm.nearest(KEY.target(), 100).get(99));

        assertThat(swarm.await(stranger.store(far, new StoreRequest(forgeries(64))))
                        .reply()
                        .results())
                .containsOnly(PutResult.TOO_FAR);
    }

    @Test
    void store_ofHintsWithoutEnd_causesABoundedNumberOfSearches() {
        swarm.grow(30);
        swarm.time().run(Duration.ofMinutes(1));
        Member victim = swarm.members().get(11);
        long before = victim.transport().requests(Operation.DHT_FIND);
        DhtNode signer = swarm.node(3);
        int hints = 0;
        for (int i = 0; i < 1_000; i++) {
            DhtRecord record = own(signer, DhtKey.of("key" + i), "name");
            PutResult result = swarm.await(stranger.store(contact(victim), new StoreRequest(List.of(record), true)))
                    .reply()
                    .results()
                    .get(0);
            hints += result == PutResult.STORED ? 1 : 0;
        }

        assertThat(hints).isBetween(60, 180);
        assertThat(victim.transport().requests(Operation.DHT_FIND) - before).isLessThan(15L * hints);
    }
}
