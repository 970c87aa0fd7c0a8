package dev.hivemind.dht.rpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.hivemind.dht.proto.ContactMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Contacts as bytes. A node sends and receives the same few again and again, so it remembers some of them in both notations.
 * Safe for use from any thread: a race costs no more than translating once again.
 */
final class ContactCodec {

    /** As many addresses as may be, each with a name as long as may be, and more. */
    static final int MAX_BYTES = 8 * 1024;

    private static final int REMEMBERED = 1_024;

    private final @Nullable Known[] byContact = new @Nullable Known[REMEMBERED];
    private final @Nullable Known[] byBytes = new @Nullable Known[REMEMBERED];

    /** An encoded {@link ContactMessage}. */
    ByteString toBytes(Contact contact) {
        int slot = slot(contact.id().hashCode());
        Known known = byContact[slot];
        if (known == null || !known.contact().equals(contact)) {
            known = new Known(contact, encode(contact));
            byContact[slot] = known;
        }
        return known.bytes();
    }

    /** Reads an encoded {@link ContactMessage}. Throws {@link IllegalArgumentException} for whatever is out of bounds. */
    Contact toContact(ByteString bytes) {
        DhtCodec.requireCount("bytes of a contact", bytes.size(), MAX_BYTES);
        int slot = slot(bytes.hashCode());
        Known known = byBytes[slot];
        if (known == null || !known.bytes().equals(bytes)) {
            known = new Known(decode(bytes), bytes);
            byBytes[slot] = known;
        }
        return known.contact();
    }

    private static int slot(int hash) {
        return (hash ^ hash >>> 16) & (REMEMBERED - 1);
    }

    private static ByteString encode(Contact contact) {
        ContactMessage.Builder message = ContactMessage.newBuilder().setPeerId(DhtCodec.bytes(contact.id()));
        for (PeerAddress address : contact.addresses()) {
            message.addAddresses(address.toString());
        }
        return message.build().toByteString();
    }

    private static Contact decode(ByteString bytes) {
        try {
            ContactMessage message = ContactMessage.parseFrom(bytes);
            DhtCodec.requireCount("addresses", message.getAddressesCount(), Contact.MAX_ADDRESSES);
            List<PeerAddress> addresses = new ArrayList<>();
            for (String text : message.getAddressesList()) {
                addKnownNotation(addresses, text);
            }
            return new Contact(DhtCodec.id(message.getPeerId()), addresses);
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalArgumentException("A contact is no protobuf message", e);
        }
    }

    /** Later versions may know other kinds of addresses, so an unknown notation is no violation. */
    private static void addKnownNotation(List<PeerAddress> addresses, String text) {
        try {
            PeerAddress address = PeerAddress.parse(text);
            if (address.port() != 0) {
                addresses.add(address);
            }
        } catch (IllegalArgumentException unknownNotation) {
            return;
        }
    }

    private record Known(Contact contact, ByteString bytes) {}
}
