package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.proto.ContactMessage;
import dev.hivemind.dht.proto.EntryMessage;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.FindRequestMessage;
import dev.hivemind.dht.proto.FindResultMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
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
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/** What nodes do about peers that lie, or ask for work that is of no use. */
class LiarsTest {

    private static final DhtKey KEY = DhtKey.of("key");

    private static final int REPLICAS = 5;

    private final SimSwarm swarm = new SimSwarm(39, node -> node.bucketSize(5).replicas(REPLICAS));
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

    /** They invent peers that would be among the nearest, behind those that are asked. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void store_amongPeersThatNameOthersThatAreNotThere_isKeptByAsManyHonestOnes(int liars) {
        var large = new SimSwarm(39, node -> node.replicas(REPLICAS)).grow(100);
        large.time().run(Duration.ofMinutes(1));
        List<Member> nearest = large.nearest(KEY.target(), 100);
        List<Contact> invented = inventedBehind(nearest.get(1), 19);
        nearest.subList(0, liars)
                .forEach(liar -> liar.transport()
                        .answer(Operation.DHT_FIND, (caller, body) -> Mono.just(naming(invented, targets(body)))));

        Member writer = nearest.get(60);
        large.await(writer.node()
                .store(DhtRecord.of(KEY, ByteString.EMPTY, writer.node().now().plusSeconds(600))));
        large.time().run(Duration.ofSeconds(8));

        assertThat(nearest.subList(liars, 100).stream()
                        .filter(member -> large.await(member.node().snapshot()).records() == 1))
                .hasSizeGreaterThanOrEqualTo(REPLICAS - liars);
        large.close();
    }

    /** Nobody has these ids, which are only little farther from the key than a peer is. */
    private static List<Contact> inventedBehind(Member peer, int count) {
        NodeId distance = KEY.target().distance(peer.place());
        List<Contact> invented = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            NodeId farther = new NodeId(distance.first(), distance.second(), distance.third(), distance.fourth() + i);
            invented.add(
                    new Contact(KEY.target().distance(farther), List.of(PeerAddress.parse("10.99.0." + i + ":4000"))));
        }
        return invented;
    }

    private static int targets(ByteString request) {
        try {
            return FindRequestMessage.parseFrom(request).getTargetsCount();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static FindReplyMessage naming(List<Contact> contacts, int targets) {
        var reply = FindReplyMessage.newBuilder();
        var result = FindResultMessage.newBuilder();
        for (int i = 0; i < contacts.size(); i++) {
            var named = ContactMessage.newBuilder()
                    .setPeerId(ByteString.copyFrom(contacts.get(i).id().toBytes()));
            contacts.get(i).addresses().forEach(address -> named.addAddresses(address.toString()));
            reply.addContacts(named.build().toByteString());
            result.addClosest(i);
        }
        return reply.addAllResults(Collections.nCopies(targets, result.build())).build();
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
