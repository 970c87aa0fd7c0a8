package dev.hivemind.dht.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.proto.ContactMessage;
import dev.hivemind.dht.proto.EntryMessage;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.FindResultMessage;
import dev.hivemind.dht.proto.StoreReplyMessage;
import dev.hivemind.dht.proto.StoreStatus;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DhtCodecTest {

    private static final Instant EXPIRY = Instant.ofEpochMilli(1_767_225_600_123L);
    private static final ByteString ID = ByteString.copyFrom(new byte[32]);

    private static ByteString bytes(String text) {
        return ByteString.copyFromUtf8(text);
    }

    private static void assertRefused(FindResultMessage result) {
        assertRefused(FindReplyMessage.newBuilder().addResults(result).build());
    }

    private static void assertRefused(FindReplyMessage reply) {
        assertThatExceptionOfType(ProtocolViolationException.class)
                .isThrownBy(() -> FindReplyCodec.toFindReply(reply, 1));
    }

    @Test
    void findReply_roundTrip_isEqual() {
        SortedMap<ByteString, PlainRecord> entries = DictionaryRecord.emptyEntries();
        entries.put(ByteString.EMPTY, new PlainRecord(bytes("x"), EXPIRY));
        entries.put(bytes("b"), new PlainRecord(ByteString.EMPTY, EXPIRY.plusMillis(1)));
        var contact = new Contact(
                NodeId.ofKey(new byte[1]), List.of(new PeerAddress("::1", 1), new PeerAddress("host.example", 65_535)));
        var reply = new FindReply(List.of(
                new FindResult(List.of(contact), DictionaryRecord.of(entries)),
                new FindResult(List.of(), new PlainRecord(bytes("v"), EXPIRY)),
                new FindResult(List.of(), null)));

        assertThat(FindReplyCodec.toFindReply(FindReplyCodec.toMessage(reply), 3))
                .isEqualTo(reply);
    }

    @Test
    void storeRequest_roundTrip_isEqual() {
        var request = new StoreRequest(List.of(
                DhtRecord.of(DhtKey.of("k"), bytes("v"), EXPIRY),
                DhtRecord.of(DhtKey.of("k"), ByteString.EMPTY, bytes("v"), EXPIRY)));

        assertThat(DhtCodec.toStoreRequest(DhtCodec.toMessage(request))).isEqualTo(request);
    }

    @Test
    void storeReply_roundTrip_isEqual() {
        var reply = new StoreReply(List.of(PutResult.values()));

        assertThat(DhtCodec.toStoreReply(DhtCodec.toMessage(reply), PutResult.values().length))
                .isEqualTo(reply);
    }

    @Test
    void findReply_withAnotherNumberOfResults_isRefused() {
        assertThatExceptionOfType(ProtocolViolationException.class)
                .isThrownBy(() -> FindReplyCodec.toFindReply(FindReplyMessage.getDefaultInstance(), 1));
    }

    @Test
    void findReply_withTooManyContacts_isRefused() {
        ContactMessage contact = ContactMessage.newBuilder().setPeerId(ID).build();
        assertRefused(FindReplyMessage.newBuilder()
                .addContacts(contact.toByteString())
                .addResults(FindResultMessage.newBuilder().addAllClosest(Collections.nCopies(21, 0)))
                .build());
        assertRefused(FindReplyMessage.newBuilder()
                .addAllContacts(Collections.nCopies(21, contact.toByteString()))
                .addResults(FindResultMessage.getDefaultInstance())
                .build());
    }

    @Test
    void findReply_withTooManyAddresses_isRefused() {
        ContactMessage contact = ContactMessage.newBuilder()
                .setPeerId(ID)
                .addAllAddresses(Collections.nCopies(17, "a:1"))
                .build();
        assertRefused(FindReplyMessage.newBuilder()
                .addContacts(contact.toByteString())
                .addResults(FindResultMessage.newBuilder().addClosest(0))
                .build());
    }

    @Test
    void findReply_withAnOversizedContact_isRefused() {
        ContactMessage contact = ContactMessage.newBuilder()
                .setPeerId(ID)
                .addAddresses("x".repeat(ContactCodec.MAX_BYTES))
                .build();
        assertRefused(FindReplyMessage.newBuilder()
                .addContacts(contact.toByteString())
                .addResults(FindResultMessage.newBuilder().addClosest(0))
                .build());
    }

    @Test
    void findReply_withALargestContact_isRead() {
        List<PeerAddress> addresses = IntStream.range(0, Contact.MAX_ADDRESSES)
                .mapToObj(i -> new PeerAddress("x".repeat(253), 50_000 + i))
                .toList();
        var reply = new FindReply(List.of(new FindResult(List.of(new Contact(NodeId.ZERO, addresses)), null)));

        assertThat(FindReplyCodec.toFindReply(FindReplyCodec.toMessage(reply), 1))
                .isEqualTo(reply);
    }

    @Test
    void findReply_namingAContactThatIsNotThere_isRefused() {
        assertRefused(FindResultMessage.newBuilder().addClosest(0).build());
        assertRefused(FindResultMessage.newBuilder().addClosest(-1).build());
    }

    @Test
    void findReply_withAContactThatIsNoMessage_isRefused() {
        assertRefused(FindReplyMessage.newBuilder()
                .addContacts(bytes("garbage"))
                .addResults(FindResultMessage.getDefaultInstance())
                .build());
    }

    @Test
    void findReply_namingAContactInSeveralResults_carriesItOnce() {
        var contact = new Contact(NodeId.ZERO, List.of(new PeerAddress("host", 1)));
        var result = new FindResult(List.of(contact), null);

        FindReplyMessage message = FindReplyCodec.toMessage(new FindReply(List.of(result, result)));

        assertThat(message.getContactsCount()).isOne();
        assertThat(FindReplyCodec.toFindReply(message, 2).results()).containsExactly(result, result);
    }

    @Test
    void findReply_afterAContactMoved_namesItsNewAddresses() {
        for (int port = 1; port <= 2; port++) {
            var moved = new Contact(NodeId.ZERO, List.of(new PeerAddress("host", port)));
            var reply = new FindReply(List.of(new FindResult(List.of(moved), null)));

            assertThat(FindReplyCodec.toFindReply(FindReplyCodec.toMessage(reply), 1))
                    .isEqualTo(reply);
        }
    }

    @Test
    void findReply_withAddressesOfUnknownNotation_skipsThem() {
        ContactMessage mixed = ContactMessage.newBuilder()
                .setPeerId(ID)
                .addAllAddresses(List.of("relay/abc", "host:0", "host:1"))
                .build();
        ContactMessage unknown = ContactMessage.newBuilder()
                .setPeerId(ID)
                .addAddresses("relay/abc")
                .build();
        var reply = FindReplyMessage.newBuilder()
                .addContacts(mixed.toByteString())
                .addContacts(unknown.toByteString())
                .addResults(FindResultMessage.newBuilder().addClosest(0).addClosest(1))
                .build();

        assertThat(FindReplyCodec.toFindReply(reply, 1).results().get(0).closest())
                .containsExactly(new Contact(NodeId.ZERO, List.of(new PeerAddress("host", 1))));
    }

    @Test
    void findReply_withASubkeyTwice_isRefused() {
        EntryMessage entry = EntryMessage.newBuilder().setSubkey(bytes("s")).build();
        assertRefused(FindResultMessage.newBuilder()
                .addEntries(entry)
                .addEntries(entry)
                .build());
    }

    @Test
    void findReply_withADictionaryOfTooManyBytes_isRefused() {
        var result = FindResultMessage.newBuilder();
        for (int i = 0; i < 16; i++) {
            result.addEntries(EntryMessage.newBuilder()
                    .setSubkey(bytes("s" + i))
                    .setValue(ByteString.copyFrom(new byte[PlainRecord.MAX_VALUE_BYTES])));
        }

        assertRefused(result.build());
    }

    @Test
    void findReply_withAPlainValueAmongSubkeys_isRefused() {
        EntryMessage entry = EntryMessage.newBuilder().setSubkey(bytes("s")).build();
        assertRefused(FindResultMessage.newBuilder()
                .addEntries(entry)
                .addEntries(EntryMessage.getDefaultInstance())
                .build());
    }

    @Test
    void storeReply_withAnUnknownStatus_isRefused() {
        var reply = StoreReplyMessage.newBuilder()
                .addStatuses(StoreStatus.STORE_STATUS_UNSPECIFIED)
                .build();
        assertThatExceptionOfType(ProtocolViolationException.class).isThrownBy(() -> DhtCodec.toStoreReply(reply, 1));
    }
}
