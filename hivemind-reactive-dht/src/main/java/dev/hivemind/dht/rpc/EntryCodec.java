package dev.hivemind.dht.rpc;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.proto.EntryMessage;
import dev.hivemind.dht.proto.RecordMessage;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.Ownership;
import dev.hivemind.dht.storage.PlainRecord;
import java.time.Instant;
import java.util.List;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/** Records as protobuf messages. Reading throws {@link IllegalArgumentException} for whatever is out of bounds. */
final class EntryCodec {

    private EntryCodec() {}

    static RecordMessage toMessage(DhtRecord record) {
        return RecordMessage.newBuilder()
                .setKey(record.key().bytes())
                .setEntry(entry(record.subkey(), record.body()))
                .build();
    }

    static DhtRecord toRecord(RecordMessage message) {
        EntryMessage entry = message.getEntry();
        ByteString subkey = entry.hasSubkey() ? entry.getSubkey() : null;
        return new DhtRecord(new DhtKey(message.getKey()), subkey, body(entry));
    }

    static List<EntryMessage> toMessages(@Nullable DhtValue value) {
        if (value instanceof PlainRecord plain) {
            return List.of(entry(null, plain));
        } else if (value instanceof DictionaryRecord dictionary) {
            return dictionary.entries().entrySet().stream()
                    .map(entry -> entry(entry.getKey(), entry.getValue()))
                    .toList();
        }
        return List.of();
    }

    static @Nullable DhtValue toValue(List<EntryMessage> messages) {
        if (messages.isEmpty()) {
            return null;
        } else if (messages.size() == 1 && !messages.get(0).hasSubkey()) {
            return body(messages.get(0));
        }
        return dictionary(messages);
    }

    private static DictionaryRecord dictionary(List<EntryMessage> messages) {
        require(messages.size() <= DictionaryRecord.MAX_ENTRIES, "A dictionary has too many entries");
        SortedMap<ByteString, PlainRecord> entries = DictionaryRecord.emptyEntries();
        int bytes = 0;
        for (EntryMessage message : messages) {
            require(message.hasSubkey(), "An entry of a dictionary lacks its subkey");
            require(entries.put(message.getSubkey(), body(message)) == null, "A subkey occurs twice");
            bytes += message.getSubkey().size() + message.getValue().size();
            require(bytes <= DictionaryRecord.MAX_BYTES, "A dictionary has too many bytes");
        }
        return DictionaryRecord.of(entries);
    }

    private static EntryMessage entry(@Nullable ByteString subkey, PlainRecord body) {
        EntryMessage.Builder message = EntryMessage.newBuilder()
                .setValue(body.value())
                .setExpiresAtMillis(body.expiresAt().toEpochMilli());
        if (subkey != null) {
            message.setSubkey(subkey);
        }
        Ownership owned = body.owned();
        if (owned != null) {
            message.setOwnerKey(owned.ownerKey()).setSequence(owned.sequence()).setSignature(owned.signature());
        }
        return message.build();
    }

    private static PlainRecord body(EntryMessage message) {
        return new PlainRecord(
                message.getValue(), Instant.ofEpochMilli(message.getExpiresAtMillis()), ownership(message));
    }

    private static @Nullable Ownership ownership(EntryMessage message) {
        return message.getOwnerKey().isEmpty()
                ? null
                : new Ownership(message.getOwnerKey(), message.getSequence(), message.getSignature());
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
