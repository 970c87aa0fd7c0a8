package dev.hivemind.dht;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.rpc.StoreReply;
import dev.hivemind.dht.rpc.StoreRequest;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class ReplicaWaveTest {

    private static final int REPLICAS = 3;

    private final List<Contact> contacts = IntStream.range(0, 20)
            .mapToObj(i -> new Contact(NodeId.ofKey(new byte[] {(byte) i}), List.of(new PeerAddress("127.0.0.1", 1))))
            .toList();
    private final List<DhtRecord> records = List.of(record("a"), record("b"));
    private final List<Contact> asked = new ArrayList<>();

    private static DhtRecord record(String subkey) {
        return DhtRecord.of(
                DhtKey.of("key"), ByteString.copyFromUtf8(subkey), ByteString.EMPTY, Instant.ofEpochSecond(100));
    }

    private List<StoreReceipt> run(Function<Contact, Mono<StoreReply>> send) {
        var wave = new ReplicaWave(new StoreRequest(records), REPLICAS, to -> {
            asked.add(to);
            return send.apply(to);
        });
        return wave.run(contacts).collectList().block();
    }

    private static Mono<StoreReply> reply(PutResult... results) {
        return Mono.just(new StoreReply(List.of(results)));
    }

    @Test
    void run_withOneRecordRefusedEverywhere_spreadsTheOtherNoFurther() {
        List<StoreReceipt> receipts = run(to -> reply(PutResult.STORED, PutResult.TOO_LARGE));

        assertThat(asked).isEqualTo(contacts.subList(0, REPLICAS));
        assertThat(receipts)
                .containsExactly(
                        new StoreReceipt(records.get(0), REPLICAS, 0, 0, 0),
                        new StoreReceipt(records.get(1), 0, 0, 0, REPLICAS));
    }

    @Test
    void run_withPeersThatRefuseEverything_takesTheNext() {
        List<StoreReceipt> receipts = run(to -> contacts.indexOf(to) < 2
                ? reply(PutResult.FULL, PutResult.FULL)
                : reply(PutResult.STORED, PutResult.STORED));

        assertThat(asked).isEqualTo(contacts.subList(0, REPLICAS + 2));
        assertThat(receipts).allMatch(receipt -> receipt.stored() == REPLICAS && receipt.refused() == 2);
    }

    @Test
    void run_withPeersThatDoNotAnswer_takesTheNext() {
        run(to -> contacts.indexOf(to) < 2 ? Mono.empty() : reply(PutResult.STORED, PutResult.STALE));

        assertThat(asked).isEqualTo(contacts.subList(0, REPLICAS + 2));
    }
}
