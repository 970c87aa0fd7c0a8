package dev.hivemind.dht.rpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.hivemind.dht.proto.ContactMessage;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Contacts as bytes. Nodes send and receive the same few again and again, so those met last are remembered in both
 * notations, unless they are long. Safe for use from any thread: a race costs no more than translating once again.
 */
final class ContactCodec {

    /** As many addresses as may be, each with a name as long as may be, and more. */
    static final int MAX_BYTES = 8 * 1024;

    /** What is longer is not remembered, so that nobody fills the memory with it. */
    private static final int MAX_REMEMBERED_BYTES = 512;

    private static final int SLOTS = 1 << 14;

    /** An encoded {@link ContactMessage} begins with the id's tag and length. */
    private static final int ID_OFFSET = 2;

    private static final int ID_END = ID_OFFSET + NodeId.BYTES;

    /** Each in the slot of its id. */
    private final @Nullable Known[] remembered = new @Nullable Known[SLOTS];

    /** An encoded {@link ContactMessage}. */
    ByteString toBytes(Contact contact) {
        Known known = remembered[slot(contact.id().fourth())];
        return known != null && known.contact().equals(contact)
                ? known.bytes()
                : remember(contact).bytes();
    }

    /** Reads an encoded {@link ContactMessage}. Throws {@link IllegalArgumentException} for whatever is out of bounds. */
    Contact toContact(ByteString bytes) {
        DhtCodec.requireCount("bytes of a contact", bytes.size(), MAX_BYTES);
        Known known = bytes.size() < ID_END ? null : remembered[slot(lastBits(bytes))];
        return known != null && known.bytes().equals(bytes) ? known.contact() : decoded(bytes);
    }

    /** What others wrote in another way than this node is read, but never passed on. */
    private Contact decoded(ByteString bytes) {
        Contact contact = decode(bytes);
        if (bytes.size() <= MAX_REMEMBERED_BYTES) {
            remember(contact);
        }
        return contact;
    }

    private Known remember(Contact contact) {
        Known known = new Known(contact, encode(contact));
        if (known.bytes().size() <= MAX_REMEMBERED_BYTES) {
            remembered[slot(contact.id().fourth())] = known;
        }
        return known;
    }

    private static int slot(long bits) {
        return (int) bits & (SLOTS - 1);
    }

    private static int lastBits(ByteString bytes) {
        return ((bytes.byteAt(ID_END - 2) & 0xFF) << Byte.SIZE) | (bytes.byteAt(ID_END - 1) & 0xFF);
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
