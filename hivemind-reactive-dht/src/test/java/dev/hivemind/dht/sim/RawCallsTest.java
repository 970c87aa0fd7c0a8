package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.FindResult;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What one node answers to calls of a client, without a lookup around them. */
class RawCallsTest {

    private static final DhtKey KEY = DhtKey.of("key");

    private final SimSwarm swarm = new SimSwarm(17, node -> node);
    private final EncodedDhtRpc client = new EncodedDhtRpc(
            swarm.network().dialling(swarm.network().identity()), Duration.ofSeconds(3), swarm.time());

    @AfterEach
    void close() {
        swarm.close();
    }

    private static Contact contact(SimSwarm.Member member) {
        return Contact.of(member.node().id(), member.node().addresses());
    }

    private FindResult find(SimSwarm.Member member) {
        return swarm.await(client.find(contact(member), new FindRequest(List.of(KEY.target()), true)))
                .reply()
                .results()
                .get(0);
    }

    @Test
    void find_atALoneNode_namesNobody() {
        SimSwarm.Member lone = swarm.grow(1).members().get(0);

        assertThat(find(lone)).isEqualTo(new FindResult(List.of(), null));
    }

    @Test
    void store_atALoneNode_isAccepted() {
        SimSwarm.Member lone = swarm.grow(1).members().get(0);
        var record = DhtRecord.of(KEY, ByteString.EMPTY, lone.node().now().plusSeconds(60));

        assertThat(swarm.await(client.store(contact(lone), new StoreRequest(List.of(record))))
                        .reply()
                        .results())
                .containsExactly(PutResult.STORED);
        assertThat(find(lone).value()).isEqualTo(record.body());
    }

    @Test
    void ping_ofADeadPeer_fails() {
        SimSwarm.Member dead = swarm.grow(1).members().get(0);
        dead.transport().kill();

        assertThatExceptionOfType(RpcException.class).isThrownBy(() -> swarm.await(client.ping(contact(dead))));
    }
}
