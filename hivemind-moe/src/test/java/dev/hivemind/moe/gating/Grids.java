package dev.hivemind.moe.gating;

import dev.hivemind.dht.expert.ExpertDescriptor;
import dev.hivemind.dht.expert.ExpertPrefix;
import dev.hivemind.dht.expert.ExpertStatus;
import dev.hivemind.dht.expert.ExpertUid;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.rsocket.identity.PeerId;
import dev.hivemind.rsocket.identity.PeerIdentity;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Mono;

/** Directories of experts that are no DHT. */
final class Grids {

    static final PeerId OWNER = PeerIdentity.generate().id();
    static final PeerId OTHER_OWNER = PeerIdentity.generate().id();

    private static final List<PeerAddress> ADDRESSES = List.of(new PeerAddress("127.0.0.1", 1));

    private final Map<ExpertPrefix, TreeMap<Integer, List<ExpertDescriptor>>> lines = new ConcurrentHashMap<>();
    private final Map<ExpertPrefix, AtomicInteger> questions = new ConcurrentHashMap<>();

    static ExpertDescriptor expert(String uid) {
        return expert(uid, OWNER);
    }

    static ExpertDescriptor expert(String uid, PeerId owner) {
        return new ExpertDescriptor(
                new ExpertUid(uid),
                owner,
                ADDRESSES,
                new ExpertStatus(ExpertStatus.State.ONLINE, 0, true, ExpertStatus.DEFAULT.schemaHash()));
    }

    Grids declare(String... uids) {
        for (String uid : uids) {
            declare(expert(uid));
        }
        return this;
    }

    /** Under every prefix, with one exemplar for each owner and coordinate, as the directory has it. */
    Grids declare(ExpertDescriptor expert) {
        ExpertUid uid = expert.uid();
        ExpertPrefix prefix =
                new ExpertPrefix(uid.value().substring(0, uid.value().indexOf('.') + 1));
        for (int coordinate : uid.coordinates()) {
            List<ExpertDescriptor> there = lines.computeIfAbsent(prefix, any -> new TreeMap<>())
                    .computeIfAbsent(coordinate, any -> new ArrayList<>());
            if (there.stream().noneMatch(one -> one.peerId().equals(expert.peerId()))) {
                there.add(expert);
            }
            prefix = prefix.child(coordinate);
        }
        return this;
    }

    /** Nothing follows a prefix any more, although those above still name it. */
    void clear(String prefix) {
        lines.remove(new ExpertPrefix(prefix));
    }

    Mono<SortedMap<Integer, List<ExpertDescriptor>>> owners(ExpertPrefix prefix) {
        return Mono.fromSupplier(() -> {
            questions.computeIfAbsent(prefix, any -> new AtomicInteger()).incrementAndGet();
            return lines.getOrDefault(prefix, new TreeMap<>());
        });
    }

    int questions() {
        return questions.values().stream().mapToInt(AtomicInteger::get).sum();
    }

    int questions(String prefix) {
        AtomicInteger asked = questions.get(new ExpertPrefix(prefix));
        return asked == null ? 0 : asked.get();
    }

    Collection<ExpertPrefix> asked() {
        return questions.keySet();
    }
}
