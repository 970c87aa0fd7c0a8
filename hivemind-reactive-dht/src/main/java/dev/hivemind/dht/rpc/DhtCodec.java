package dev.hivemind.dht.rpc;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.proto.FindRequestMessage;
import dev.hivemind.dht.proto.PingReplyMessage;
import dev.hivemind.dht.proto.StoreReplyMessage;
import dev.hivemind.dht.proto.StoreRequestMessage;
import dev.hivemind.dht.proto.StoreStatus;
import dev.hivemind.dht.proto.WatchReplyMessage;
import dev.hivemind.dht.proto.WatchRequestMessage;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.PutResult;
import dev.hivemind.rsocket.error.ProtocolViolationException;
import java.time.Duration;
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
        FindRequestMessage.Builder message = FindRequestMessage.newBuilder().setValues(request.values());
        for (NodeId target : request.targets()) {
            message.addTargets(bytes(target));
        }
        return message.build();
    }

    static FindRequest toFindRequest(FindRequestMessage message) {
        return checked(() -> {
            requireCount("targets", message.getTargetsCount(), FindRequest.MAX_TARGETS);
            List<NodeId> targets = new ArrayList<>(message.getTargetsCount());
            for (ByteString target : message.getTargetsList()) {
                targets.add(id(target));
            }
            return new FindRequest(targets, message.getValues());
        });
    }

    static StoreRequestMessage toMessage(StoreRequest request) {
        return StoreRequestMessage.newBuilder()
                .addAllRecords(
                        request.records().stream().map(EntryCodec::toMessage).toList())
                .setCached(request.cached())
                .build();
    }

    static StoreRequest toStoreRequest(StoreRequestMessage message) {
        return checked(() -> {
            requireCount("records", message.getRecordsCount(), StoreRequest.MAX_RECORDS);
            return new StoreRequest(
                    message.getRecordsList().stream().map(EntryCodec::toRecord).toList(), message.getCached());
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

    static WatchRequestMessage toMessage(WatchRequest request) {
        return WatchRequestMessage.newBuilder()
                .setTarget(bytes(request.target()))
                .setLifetimeMillis(request.lifetime().toMillis())
                .build();
    }

    /** Reads a request; a lifetime that is too long is cut off. */
    static WatchRequest toWatchRequest(WatchRequestMessage message) {
        long longest = WatchRequest.MAX_LIFETIME.toMillis();
        return checked(() -> new WatchRequest(
                id(message.getTarget()), Duration.ofMillis(Math.min(message.getLifetimeMillis(), longest))));
    }

    static WatchReplyMessage toMessage(DhtValue value) {
        return WatchReplyMessage.newBuilder()
                .addAllEntries(EntryCodec.toMessages(value))
                .build();
    }

    static DhtValue toValue(WatchReplyMessage message) {
        return checked(() -> {
            DhtValue value = EntryCodec.toValue(message.getEntriesList());
            if (value == null) {
                throw new IllegalArgumentException("A watch tells of nothing");
            }
            return value;
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
            case TOO_FAR -> StoreStatus.STORE_STATUS_TOO_FAR;
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
            case STORE_STATUS_TOO_FAR -> PutResult.TOO_FAR;
            case STORE_STATUS_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException("A status of a store is unknown");
        };
    }

    static ByteString bytes(NodeId id) {
        return ByteString.copyFrom(id.toBytes());
    }

    static NodeId id(ByteString bytes) {
        if (bytes.size() != NodeId.BYTES) {
            throw new IllegalArgumentException("A DHT id has %d bytes, not %d".formatted(NodeId.BYTES, bytes.size()));
        }
        return NodeId.fromBytes(bytes.toByteArray());
    }

    static void requireCount(String what, int count, int max) {
        if (count > max) {
            throw new IllegalArgumentException("There are %d %s, and at most %d allowed".formatted(count, what, max));
        }
    }

    static void requireAnswers(int count, int expected) {
        if (count != expected) {
            throw new IllegalArgumentException("%d questions got %d answers".formatted(expected, count));
        }
    }

    static <T> T checked(Supplier<T> decode) {
        try {
            return decode.get();
        } catch (IllegalArgumentException e) {
            throw new ProtocolViolationException(String.valueOf(e.getMessage()));
        }
    }
}
