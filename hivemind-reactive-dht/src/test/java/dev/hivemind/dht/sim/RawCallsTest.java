package dev.hivemind.dht.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.rpc.Answer;
import dev.hivemind.dht.rpc.EncodedDhtRpc;
import dev.hivemind.dht.rpc.FindRequest;
import dev.hivemind.dht.rpc.FindResult;
import dev.hivemind.dht.rpc.Pong;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.error.RpcException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

    private EncodedDhtRpc rpc(SimTransport transport) {
        return new EncodedDhtRpc(transport, Duration.ofSeconds(3), swarm.time());
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

    @Test
    void ping_ofANode_tellsWhoItIsAndItsTime() {
        SimSwarm.Member lone = swarm.grow(1).members().get(0);

        Answer<Pong> pong = swarm.await(client.ping(contact(lone)));

        assertThat(pong.from()).isEqualTo(contact(lone));
        assertThat(Duration.between(pong.reply().clock(), lone.node().now())).isLessThan(Duration.ofSeconds(1));
    }

    @Test
    void find_atANode_namesThePeerThatListensAndNoClient() {
        SimSwarm.Member known = swarm.grow(1).members().get(0);
        SimSwarm.Member listening =
                swarm.join(swarm.network().listening(swarm.network().identity()));
        swarm.joinAsClient();
        swarm.time().run(Duration.ofSeconds(5));

        assertThat(find(known).closest()).containsExactly(contact(listening));
        assertThat(find(listening).closest()).containsExactly(contact(known));
    }

    @Test
    void find_byAPeer_doesNotNameThatPeer() {
        SimSwarm.Member known = swarm.grow(1).members().get(0);
        SimSwarm.Member asker =
                swarm.join(swarm.network().listening(swarm.network().identity()));
        swarm.time().run(Duration.ofSeconds(5));

        FindResult found = swarm.await(
                        rpc(asker.transport()).find(contact(known), new FindRequest(List.of(KEY.target()), true)))
                .reply()
                .results()
                .get(0);

        assertThat(found.closest()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void store_byAPeerThatListensOrNot_isFoundWithTheSameExpiry(boolean listens) {
        SimSwarm.Member lone = swarm.grow(1).members().get(0);
        SimTransport caller = listens
                ? swarm.network().listening(swarm.network().identity())
                : swarm.network().dialling(swarm.network().identity());
        var record = DhtRecord.of(
                KEY, ByteString.copyFromUtf8("v"), lone.node().now().plusMillis(7_654_321));

        swarm.await(rpc(caller).store(contact(lone), new StoreRequest(List.of(record))));

        assertThat(find(lone).value()).isEqualTo(record.body());
        assertThat(find(lone).value().expiresAt()).isEqualTo(record.expiresAt());
    }

    @Test
    void store_ofTwoSubkeys_isFoundAsADictionaryThatExpiresWithTheLast() {
        SimSwarm.Member lone = swarm.grow(1).members().get(0);
        var first = DhtRecord.of(
                KEY,
                ByteString.copyFromUtf8("a"),
                ByteString.EMPTY,
                lone.node().now().plusSeconds(60));
        var second = DhtRecord.of(
                KEY,
                ByteString.copyFromUtf8("b"),
                ByteString.EMPTY,
                lone.node().now().plusSeconds(65));

        for (DhtRecord record : List.of(second, first)) {
            swarm.await(client.store(contact(lone), new StoreRequest(List.of(record))));
        }

        assertThat(find(lone).value().recordCount()).isEqualTo(2);
        assertThat(find(lone).value().expiresAt()).isEqualTo(second.expiresAt());
    }

    @Test
    void find_atAnAddressWhereAnotherPeerListens_fails() {
        SimSwarm.Member lone = swarm.grow(1).members().get(0);
        var impostor = Contact.of(swarm.network().identity().id(), lone.node().addresses());

        assertThatExceptionOfType(RpcException.class)
                .isThrownBy(() -> swarm.await(client.find(impostor, new FindRequest(List.of(KEY.target()), true))));
    }
}
