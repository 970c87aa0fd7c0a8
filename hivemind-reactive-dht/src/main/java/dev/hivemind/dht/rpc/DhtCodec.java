package dev.hivemind.dht.rpc;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.proto.ContactMessage;
import dev.hivemind.dht.proto.FindReplyMessage;
import dev.hivemind.dht.proto.FindRequestMessage;
import dev.hivemind.dht.proto.FindResultMessage;
import dev.hivemind.dht.proto.PingReplyMessage;
import dev.hivemind.dht.proto.StoreReplyMessage;
import dev.hivemind.dht.proto.StoreRequestMessage;
import dev.hivemind.dht.proto.StoreStatus;
import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** DHT messages as protobuf. Reading throws {@link ProtocolViolationException} for whatever is out of bounds. */
final class DhtCodec {

    private DhtCodec() {}

    /** Refuses a body before it is parsed, since objects take many times the bytes that they were sent as. */
    static void requireSize(int bytes, int maxBytes) {
        if (bytes > maxBytes) {
            throw new ProtocolViolationException(
                    "A DHT message has %d bytes, and at most %d allowed".formatted(bytes, maxBytes));
        }
    }

    static PingReplyMessage toMessage(Pong pong) {
        return PingReplyMessage.newBuilder()
                .setClockMillis(pong.clock().toEpochMilli())
                .build();
    }

    static Pong toPong(PingReplyMessage message) {
        return new Pong(Instant.ofEpochMilli(message.getClockMillis()));
    }

    static FindRequestMessage toMessage(FindRequest request) {
        return FindRequestMessage.newBuilder()
                .addAllTargets(request.targets().stream().map(DhtCodec::bytes).toList())
                .setValues(request.values())
                .build();
    }

    static FindRequest toFindRequest(FindRequestMessage message) {
        return checked(() -> {
            requireCount("targets", message.getTargetsCount(), FindRequest.MAX_TARGETS);
            return new FindRequest(
                    message.getTargetsList().stream().map(DhtCodec::id).toList(), message.getValues());
        });
    }

    static FindReplyMessage toMessage(FindReply reply) {
        return FindReplyMessage.newBuilder()
                .addAllResults(reply.results().stream().map(DhtCodec::toMessage).toList())
                .build();
    }

    /** Reads the answer to a request for so many targets. */
    static FindReply toFindReply(FindReplyMessage message, int targets) {
        return checked(() -> {
            requireAnswers(message.getResultsCount(), targets);
            return new FindReply(
                    message.getResultsList().stream().map(DhtCodec::toResult).toList());
        });
    }

    private static FindResultMessage toMessage(FindResult result) {
        return FindResultMessage.newBuilder()
                .addAllClosest(
                        result.closest().stream().map(DhtCodec::toMessage).toList())
                .addAllEntries(EntryCodec.toMessages(result.value()))
                .build();
    }

    private static FindResult toResult(FindResultMessage message) {
        requireCount("contacts", message.getClosestCount(), FindResult.MAX_CONTACTS);
        List<Contact> closest = message.getClosestList().stream()
                .map(DhtCodec::toContact)
                .filter(contact -> !contact.isClientOnly())
                .toList();
        return new FindResult(closest, EntryCodec.toValue(message.getEntriesList()));
    }

    private static ContactMessage toMessage(Contact contact) {
        return ContactMessage.newBuilder()
                .setPeerId(bytes(contact.id()))
                .addAllAddresses(
                        contact.addresses().stream().map(PeerAddress::toString).toList())
                .build();
    }

    private static Contact toContact(ContactMessage message) {
        requireCount("addresses", message.getAddressesCount(), Contact.MAX_ADDRESSES);
        List<PeerAddress> addresses = new ArrayList<>();
        for (String text : message.getAddressesList()) {
            addKnownNotation(addresses, text);
        }
        return new Contact(id(message.getPeerId()), addresses);
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

    static StoreRequestMessage toMessage(StoreRequest request) {
        return StoreRequestMessage.newBuilder()
                .addAllRecords(
                        request.records().stream().map(EntryCodec::toMessage).toList())
                .build();
    }

    static StoreRequest toStoreRequest(StoreRequestMessage message) {
        return checked(() -> {
            requireCount("records", message.getRecordsCount(), StoreRequest.MAX_RECORDS);
            return new StoreRequest(
                    message.getRecordsList().stream().map(EntryCodec::toRecord).toList());
        });
    }

    static StoreReplyMessage toMessage(StoreReply reply) {
        return StoreReplyMessage.newBuilder()
                .addAllStatuses(reply.results().stream().map(DhtCodec::toStatus).toList())
                .build();
    }

    /** Reads the answer to a request with so many records. */
    static StoreReply toStoreReply(StoreReplyMessage message, int records) {
        return checked(() -> {
            requireAnswers(message.getStatusesCount(), records);
            return new StoreReply(message.getStatusesList().stream()
                    .map(DhtCodec::toPutResult)
                    .toList());
        });
    }

    private static StoreStatus toStatus(PutResult result) {
        return switch (result) {
            case STORED -> StoreStatus.STORE_STATUS_STORED;
            case STALE -> StoreStatus.STORE_STATUS_STALE;
            case EXPIRED -> StoreStatus.STORE_STATUS_EXPIRED;
            case TOO_LONG_LIVED -> StoreStatus.STORE_STATUS_TOO_LONG_LIVED;
            case TOO_LARGE -> StoreStatus.STORE_STATUS_TOO_LARGE;
            case FULL -> StoreStatus.STORE_STATUS_FULL;
            case UNAUTHENTIC -> StoreStatus.STORE_STATUS_UNAUTHENTIC;
            case INVALID -> StoreStatus.STORE_STATUS_INVALID;
            case CROWDED -> StoreStatus.STORE_STATUS_CROWDED;
        };
    }

    private static PutResult toPutResult(StoreStatus status) {
        return switch (status) {
            case STORE_STATUS_STORED -> PutResult.STORED;
            case STORE_STATUS_STALE -> PutResult.STALE;
            case STORE_STATUS_EXPIRED -> PutResult.EXPIRED;
            case STORE_STATUS_TOO_LONG_LIVED -> PutResult.TOO_LONG_LIVED;
            case STORE_STATUS_TOO_LARGE -> PutResult.TOO_LARGE;
            case STORE_STATUS_FULL -> PutResult.FULL;
            case STORE_STATUS_UNAUTHENTIC -> PutResult.UNAUTHENTIC;
            case STORE_STATUS_INVALID -> PutResult.INVALID;
            case STORE_STATUS_CROWDED -> PutResult.CROWDED;
            case STORE_STATUS_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException("A status of a store is unknown");
        };
    }

    private static ByteString bytes(NodeId id) {
        return ByteString.copyFrom(id.toBytes());
    }

    private static NodeId id(ByteString bytes) {
        if (bytes.size() != NodeId.BYTES) {
            throw new IllegalArgumentException("A DHT id has %d bytes, not %d".formatted(NodeId.BYTES, bytes.size()));
        }
        return NodeId.fromBytes(bytes.toByteArray());
    }

    private static void requireCount(String what, int count, int max) {
        if (count > max) {
            throw new IllegalArgumentException("There are %d %s, and at most %d allowed".formatted(count, what, max));
        }
    }

    private static void requireAnswers(int count, int expected) {
        if (count != expected) {
            throw new IllegalArgumentException("%d questions got %d answers".formatted(expected, count));
        }
    }

    private static <T> T checked(Supplier<T> decode) {
        try {
            return decode.get();
        } catch (IllegalArgumentException e) {
            throw new ProtocolViolationException(String.valueOf(e.getMessage()));
        }
    }
}
