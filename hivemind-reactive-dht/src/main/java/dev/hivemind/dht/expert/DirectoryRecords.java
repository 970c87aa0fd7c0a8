package dev.hivemind.dht.expert;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The layout of experts in the DHT. Under a uid: the owner's peer id as subkey. Under a prefix: the next coordinate as
 * subkey, with any one expert that lies there as its exemplar. Anybody can write anything there, so what does not fit
 * the layout is skipped.
 */
final class DirectoryRecords {

    private static final Logger LOG = LoggerFactory.getLogger(DirectoryRecords.class);
    private static final Pattern COORDINATE = Pattern.compile(ExpertUid.COORDINATE);

    private DirectoryRecords() {}

    /** The records that declare some experts. */
    static List<DhtRecord> declare(Collection<ExpertDescriptor> experts, Instant expiresAt) {
        Map<Place, DhtRecord> records = new LinkedHashMap<>();
        for (ExpertDescriptor expert : experts) {
            ByteString value = expert.toBytes();
            for (Place place : places(expert)) {
                records.putIfAbsent(place, DhtRecord.of(place.key(), place.subkey(), value, expiresAt));
            }
        }
        return List.copyOf(records.values());
    }

    private static List<Place> places(ExpertDescriptor expert) {
        List<Place> places = new ArrayList<>();
        places.add(new Place(expert.uid().key(), owner(expert.peerId())));
        String uid = expert.uid().value();
        for (int dot = uid.indexOf('.'); dot >= 0; dot = uid.indexOf('.', dot + 1)) {
            int next = uid.indexOf('.', dot + 1);
            String coordinate = uid.substring(dot + 1, next < 0 ? uid.length() : next);
            places.add(
                    new Place(new ExpertPrefix(uid.substring(0, dot + 1)).key(), ByteString.copyFromUtf8(coordinate)));
        }
        return places;
    }

    private static ByteString owner(PeerId peer) {
        return ByteString.copyFrom(peer.toBytes());
    }

    /** The owners of an expert that a value names, those declared longest first. */
    static List<ExpertDescriptor> owners(ExpertUid uid, DhtValue value) {
        Map<ExpertDescriptor, Instant> owners = new LinkedHashMap<>();
        forEach(value, (subkey, record) -> {
            ExpertDescriptor expert = ExpertDescriptor.fromBytes(record.value());
            require(expert.uid().equals(uid) && owner(expert.peerId()).equals(subkey));
            owners.put(expert, record.expiresAt());
        });
        return owners.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Collections.reverseOrder()))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** The coordinates that can follow a prefix. */
    static SortedMap<Integer, ExpertDescriptor> successors(ExpertPrefix prefix, DhtValue value) {
        SortedMap<Integer, ExpertDescriptor> successors = new TreeMap<>();
        forEach(value, (subkey, record) -> {
            String text = subkey.toStringUtf8();
            require(COORDINATE.matcher(text).matches());
            int coordinate = Integer.parseInt(text);
            ExpertDescriptor expert = ExpertDescriptor.fromBytes(record.value());
            require(prefix.leadsTo(expert.uid(), coordinate));
            successors.put(coordinate, expert);
        });
        return successors;
    }

    private static void forEach(DhtValue value, BiConsumer<ByteString, PlainRecord> read) {
        if (!(value instanceof DictionaryRecord dictionary)) {
            LOG.debug("A plain value where experts are declared is skipped");
            return;
        }
        dictionary.entries().forEach((subkey, record) -> {
            try {
                read.accept(subkey, record);
            } catch (IllegalArgumentException malformed) {
                LOG.debug("A malformed declaration is skipped: {}", malformed.getMessage());
            }
        });
    }

    private static void require(boolean condition) {
        if (!condition) {
            throw new IllegalArgumentException("the descriptor is not in its place");
        }
    }

    private record Place(DhtKey key, ByteString subkey) {}
}
