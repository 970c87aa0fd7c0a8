package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.DhtNode;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.sim.SimSwarm.Member;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.frame.Operation;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How long a peer that ought not to keep an entry has a copy of it. */
class CopiesOnTheWayTest {

    private static final DhtKey KEY = DhtKey.of("key");

    private final SimSwarm swarm = new SimSwarm(27, node -> node);
    private final EncodedDhtRpc client = new EncodedDhtRpc(
            swarm.network().dialling(swarm.network().identity()), Duration.ofSeconds(3), swarm.time());

    @BeforeEach
    void store() {
        swarm.grow(60);
        swarm.time().run(Duration.ofSeconds(30));
        swarm.await(swarm.node(0).store(entry()));
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    private DhtRecord entry() {
        DhtNode owner = swarm.node(0);
        return owner.own(
                KEY, ByteString.EMPTY, ByteString.copyFromUtf8("v"), owner.now().plusSeconds(3_600));
    }

    private static Contact contact(Member member) {
        return Contact.of(member.node().id(), member.node().addresses());
    }

    /** Near enough for a copy, and not a keeper. */
    private Member hinted() {
        Member member = swarm.nearest(KEY.target(), 16).get(15);
        PutResult hint = swarm.await(client.store(contact(member), new StoreRequest(List.of(entry()), true)))
                .reply()
                .results()
                .get(0);
        assertThat(hint).isEqualTo(PutResult.STORED);
        swarm.time().run(Duration.ofSeconds(5));
        assertThat(swarm.await(member.node().snapshot()).records()).isZero();
        return member;
    }

    private boolean answers(Member member) {
        return swarm.await(client.find(contact(member), new FindRequest(List.of(KEY.target()), true)))
                        .reply()
                        .results()
                        .get(0)
                        .value()
                != null;
    }

    @Test
    void get_againAndAgainOfTheSameEntry_givesOneHintInTenSeconds() {
        SimTransport asker = swarm.nearest(KEY.target(), 60).get(59).transport();
        DhtNode node = swarm.nearest(KEY.target(), 60).get(59).node();
        long before = asker.requests(Operation.DHT_STORE);

        for (int i = 0; i < 15; i++) {
            swarm.await(node.get(KEY));
        }
        assertThat(asker.requests(Operation.DHT_STORE) - before).isLessThanOrEqualTo(1);
        swarm.time().run(Duration.ofSeconds(12));
        swarm.await(node.get(KEY));

        assertThat(asker.requests(Operation.DHT_STORE) - before).isLessThanOrEqualTo(2);
    }

    @Test
    void copy_thatIsAskedForAgainAndAgain_isMadeAnewBeforeItEnds() {
        Member copying = hinted();

        for (int i = 0; i < 60; i++) {
            assertThat(answers(copying)).isTrue();
            swarm.time().run(Duration.ofSeconds(5));
        }
    }

    @Test
    void copy_thatNobodyAsksFor_endsAfterAMinute() {
        Member copying = hinted();

        swarm.time().run(Duration.ofSeconds(65));

        assertThat(answers(copying)).isFalse();
    }

    @Test
    void copy_thatWasAskedForOnce_isMadeAnewOnce() {
        Member copying = hinted();
        assertThat(answers(copying)).isTrue();

        swarm.time().run(Duration.ofSeconds(130));

        assertThat(answers(copying)).isFalse();
    }
}
