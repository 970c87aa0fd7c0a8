package dev.hivemind.dht.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.proto.ContactMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

class ContactCodecTest {

    private static final List<PeerAddress> ADDRESSES = List.of(new PeerAddress("10.0.0.1", 4000));

    private final ContactCodec codec = new ContactCodec();
    private final Contact contact = new Contact(new NodeId(1, 2, 3, 4), ADDRESSES);

    @Test
    void toContact_ofWhatWasWritten_isTheRememberedContact() {
        assertThat(codec.toContact(codec.toBytes(contact))).isSameAs(contact);
    }

    @Test
    void toBytes_ofContactsInTheSameSlot_tellsThemApart() {
        var other = new Contact(new NodeId(9, 2, 3, 4), ADDRESSES);
        ByteString first = codec.toBytes(contact);
        ByteString second = codec.toBytes(other);

        assertThat(codec.toContact(first)).isEqualTo(contact);
        assertThat(codec.toContact(second)).isEqualTo(other);
        assertThat(codec.toBytes(contact)).isEqualTo(first);
    }

    @Test
    void toBytes_ofAContactReadInAnUnusualNotation_isInTheUsualOne() {
        ByteString usual = new ContactCodec().toBytes(contact);
        ByteString unusual = ContactMessage.newBuilder()
                .setPeerId(DhtCodec.bytes(contact.id()))
                .addAddresses("10.0.0.1:4000")
                .addAddresses("a notation of later")
                .build()
                .toByteString();

        assertThat(codec.toContact(unusual)).isEqualTo(contact);
        assertThat(codec.toBytes(contact)).isEqualTo(usual);
    }

    @Test
    void toBytes_afterAnAddressChanged_hasTheNewOne() {
        codec.toBytes(contact);
        var moved = new Contact(contact.id(), List.of(new PeerAddress("10.0.0.2", 4000)));

        assertThat(codec.toContact(codec.toBytes(moved))).isEqualTo(moved);
    }
}
