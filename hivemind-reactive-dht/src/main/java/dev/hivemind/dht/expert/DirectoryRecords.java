package dev.hivemind.dht.expert;

import com.google.protobuf.ByteString;
import dev.hivemind.dht.Dht;
import dev.hivemind.dht.storage.DhtKey;
import dev.hivemind.dht.storage.DhtRecord;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.dht.storage.DictionaryRecord;
import dev.hivemind.dht.storage.PlainRecord;
import dev.hivemind.rsocket.identity.PeerId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
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
 * The layout of experts in the DHT. Under a uid: the owner's peer id as subkey. Under a prefix: the next coordinate
 * and the owner's peer id as subkey, with any one expert of the owner that lies there as its exemplar. All records belong to
 * their owners. Anybody can write anything there, so what does not fit
 * the layout is skipped.
 */
final class DirectoryRecords {

    private static final Logger LOG = LoggerFactory.getLogger(DirectoryRecords.class);
    private static final Pattern COORDINATE = Pattern.compile(ExpertUid.COORDINATE);

    private DirectoryRecords() {}

    /** The records that declare some experts of this node. */
    static List<DhtRecord> declare(Dht dht, Collection<ExpertDescriptor> experts, Instant expiresAt) {
        Map<Place, DhtRecord> records = new LinkedHashMap<>();
        for (ExpertDescriptor expert : experts) {
            ByteString value = expert.toBytes();
            for (Place place : places(expert.uid())) {
                records.computeIfAbsent(place, any -> dht.own(place.key(), place.name(), value, expiresAt));
            }
        }
        return List.copyOf(records.values());
    }

    /** The records that withdraw some experts of this node. Exemplars of whole lines of the grid may stand for others. */
    static List<DhtRecord> withdraw(Dht dht, Collection<ExpertUid> uids, Instant expiresAt) {
        List<DhtRecord> records = new ArrayList<>();
        for (ExpertUid uid : uids) {
            List<Place> places = places(uid);
            for (Place place : List.of(places.get(0), places.get(places.size() - 1))) {
                records.add(dht.own(place.key(), place.name(), ByteString.EMPTY, expiresAt));
            }
        }
        return records;
    }

    /** The uid's own, then those of its prefixes, the shortest first. */
    private static List<Place> places(ExpertUid expert) {
        List<Place> places = new ArrayList<>();
        places.add(new Place(expert.key(), ByteString.EMPTY));
        String uid = expert.value();
        for (int dot = uid.indexOf('.'); dot >= 0; dot = uid.indexOf('.', dot + 1)) {
            int next = uid.indexOf('.', dot + 1);
            String coordinate = uid.substring(dot + 1, next < 0 ? uid.length() : next);
            places.add(
                    new Place(new ExpertPrefix(uid.substring(0, dot + 1)).key(), ByteString.copyFromUtf8(coordinate)));
        }
        return places;
    }

    /** The records that withdraw some experts of this node and all exemplars on the way to them. */
    static List<DhtRecord> leave(Dht dht, Collection<ExpertUid> uids, Instant expiresAt) {
        Map<Place, DhtRecord> records = new LinkedHashMap<>();
        for (ExpertUid uid : uids) {
            for (Place place : places(uid)) {
                records.computeIfAbsent(place, any -> dht.own(place.key(), place.name(), ByteString.EMPTY, expiresAt));
            }
        }
        return List.copyOf(records.values());
    }

    private static ByteString owner(PeerId peer) {
        return ByteString.copyFrom(peer.toBytes());
    }

    /** The owners of an expert that a value names, the most useful first. */
    static List<ExpertDescriptor> owners(ExpertUid uid, DhtValue value) {
        List<Declared> owners = new ArrayList<>();
        forEach(value, (subkey, record) -> {
            ExpertDescriptor expert = ExpertDescriptor.fromBytes(record.value());
            require(expert.uid().equals(uid) && owner(expert.peerId()).equals(subkey));
            owners.add(new Declared(expert, record.expiresAt()));
        });
        return mostUsefulFirst(owners);
    }

    /** Those that take calls come first, then those declared last; no more than one keeper has seats for. */
    private static List<ExpertDescriptor> mostUsefulFirst(List<Declared> declared) {
        return declared.stream()
                .sorted(Comparator.comparing(
                                (Declared one) -> one.expert().status().state())
                        .thenComparing(Declared::expiresAt, Comparator.reverseOrder()))
                .limit(DictionaryRecord.MAX_OWNERS)
                .map(Declared::expert)
                .toList();
    }

    /** The coordinates that can follow a prefix, each with its owners, the most useful first. */
    static SortedMap<Integer, List<ExpertDescriptor>> successors(ExpertPrefix prefix, DhtValue value) {
        SortedMap<Integer, List<Declared>> found = new TreeMap<>();
        forEach(value, (subkey, record) -> {
            ExpertDescriptor expert = ExpertDescriptor.fromBytes(record.value());
            ByteString owner = owner(expert.peerId());
            require(subkey.endsWith(owner));
            String text = subkey.substring(0, subkey.size() - owner.size()).toStringUtf8();
            require(COORDINATE.matcher(text).matches());
            int coordinate = Integer.parseInt(text);
            require(prefix.leadsTo(expert.uid(), coordinate));
            found.computeIfAbsent(coordinate, any -> new ArrayList<>()).add(new Declared(expert, record.expiresAt()));
        });
        SortedMap<Integer, List<ExpertDescriptor>> successors = new TreeMap<>();
        found.forEach((coordinate, declared) -> successors.put(coordinate, mostUsefulFirst(declared)));
        return successors;
    }

    private static void forEach(DhtValue value, BiConsumer<ByteString, PlainRecord> read) {
        if (!(value instanceof DictionaryRecord dictionary)) {
            LOG.debug("A plain value where experts are declared is skipped");
            return;
        }
        dictionary.entries().forEach((subkey, record) -> {
            if (record.isTombstone()) {
                return;
            }
            try {
                require(record.owned() != null);
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

    private record Place(DhtKey key, ByteString name) {}

    private record Declared(ExpertDescriptor expert, Instant expiresAt) {}
}
