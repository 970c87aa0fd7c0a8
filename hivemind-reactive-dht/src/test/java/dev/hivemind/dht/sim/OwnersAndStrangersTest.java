package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.StoreReceipt;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.dht.storage.RecordValidator;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Alice reads what Bob wrote, and Mallory would like to have written. */
class OwnersAndStrangersTest {

    private static final DhtKey KEY = DhtKey.of("key");
    private static final ByteString NAME = ByteString.copyFromUtf8("name");
    private static final ByteString RIGHT = ByteString.copyFromUtf8("right");
    private static final ByteString WRONG = ByteString.copyFromUtf8("wrong");

    private final SimSwarm swarm = new SimSwarm(33, node -> node);

    @AfterEach
    void close() {
        swarm.close();
    }

    private static DhtRecord own(DhtNode owner, ByteString value) {
        return owner.own(KEY, NAME, value, owner.now().plusSeconds(600));
    }

    /** What Mallory could put into Bob's place. */
    private static List<DhtRecord> forgeries(DhtRecord bobs, DhtNode mallory) {
        var later = mallory.now().plusSeconds(3_000);
        DhtRecord mallorys = own(mallory, WRONG);
        return List.of(
                new DhtRecord(
                        KEY,
                        bobs.subkey(),
                        new PlainRecord(WRONG, later, bobs.body().owned())),
                new DhtRecord(
                        KEY,
                        bobs.subkey(),
                        new PlainRecord(WRONG, later, mallorys.body().owned())),
                new DhtRecord(KEY, bobs.subkey(), new PlainRecord(WRONG, later)));
    }

    private PlainRecord seenBy(Member alice, DhtRecord bobs) {
        var found = (DictionaryRecord) swarm.await(alice.node().getLatest(KEY));
        return found.entries().get(bobs.subkey());
    }

    @Test
    void storeAll_ofForgeries_changesNothingEvenAfterTheOwnerLeft() {
        swarm.grow(20);
        Member alice = swarm.members().get(3);
        Member bob = swarm.members().get(5);
        Member mallory = swarm.members().get(7);
        DhtRecord bobs = own(bob.node(), RIGHT);
        swarm.await(bob.node().store(bobs));

        List<StoreReceipt> before = swarm.awaitAll(mallory.node().storeAll(forgeries(bobs, mallory.node())));
        swarm.await(bob.node().close());
        bob.transport().kill();
        List<StoreReceipt> after = swarm.awaitAll(mallory.node().storeAll(forgeries(bobs, mallory.node())));

        assertThat(before).noneMatch(StoreReceipt::isStored);
        assertThat(after).noneMatch(StoreReceipt::isStored);
        assertThat(seenBy(alice, bobs)).isEqualTo(bobs.body());
    }

    private final RecordValidator shortOnes = (place, body) -> body.value().size() <= 8;
    private final RecordValidator lowerCase = (place, body) ->
            body.value().toStringUtf8().equals(body.value().toStringUtf8().toLowerCase());
    private final SimSwarm strict = new SimSwarm(35, node -> node.validator(shortOnes.and(lowerCase)));

    private static DhtRecord record(DhtNode node, String value) {
        return DhtRecord.of(KEY, ByteString.copyFromUtf8(value), node.now().plusSeconds(600));
    }

    @Test
    void store_ofWhatOneOfTwoValidatorsRefuses_isKeptByNobody() {
        strict.grow(10);
        DhtNode writer = strict.node(4);

        for (String bad : List.of("Upper", "much too long")) {
            StoreReceipt receipt = strict.await(writer.store(record(writer, bad)));
            assertThat(receipt.stored()).isZero();
            assertThat(receipt.refused()).isPositive();
        }
        assertThat(strict.members())
                .allMatch(member -> strict.await(member.node().snapshot()).records() == 0);
        assertThat(strict.await(writer.store(record(writer, "good"))).stored()).isPositive();
        strict.close();
    }

    @Test
    void get_ofWhatOnlyAPeerWithoutValidatorKeeps_isEmpty() {
        strict.grow(10);
        SimTransport transport = strict.network().listening(strict.network().identity());
        DhtNode lax = strict.describe(transport, Duration.ZERO)
                .validator(RecordValidator.ANY)
                .initialPeers(strict.node(0).addresses())
                .build();
        Member member = strict.member(lax, transport);
        strict.await(lax.start());
        var stranger = new EncodedDhtRpc(
                strict.network().dialling(strict.network().identity()), Duration.ofSeconds(3), strict.time());
        var contact = Contact.of(lax.id(), lax.addresses());
        PutResult kept = strict.await(stranger.store(contact, new StoreRequest(List.of(record(lax, "much too long")))))
                .reply()
                .results()
                .get(0);

        assertThat(kept).isEqualTo(PutResult.STORED);
        assertThat(strict.await(strict.node(3).getLatest(KEY))).isNull();
        assertThat(strict.await(member.node().getLatest(KEY))).isNotNull();
        strict.close();
    }
}
