package dev.hivemind.dht.lookup;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import dev.hivemind.dht.routing.RoutingTable;
import dev.hivemind.dht.rpc.FindResult;
import dev.hivemind.dht.storage.DhtValue;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** Peers with filled routing tables that answer at once, without any network. */
final class FakeSwarm {

    private final int bucketSize;
    private final List<Contact> contacts = new ArrayList<>();
    private final Map<NodeId, RoutingTable> tables = new HashMap<>();
    private final Map<NodeId, DhtValue> values = new HashMap<>();
    private final Set<NodeId> dead = new HashSet<>();

    FakeSwarm(int size, int bucketSize, Random random) {
        this.bucketSize = bucketSize;
        for (int i = 0; i < size; i++) {
            contacts.add(new Contact(randomId(random), List.of(new PeerAddress("127.0.0.1", 1))));
        }
        List<Contact> shuffled = new ArrayList<>(contacts);
        for (Contact contact : contacts) {
            var table = new RoutingTable(contact.id(), bucketSize, 1, () -> 0);
            Collections.shuffle(shuffled, random);
            shuffled.forEach(table::offer);
            tables.put(contact.id(), table);
        }
    }

    static NodeId randomId(Random random) {
        return new NodeId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    }

    List<Contact> contacts() {
        return contacts;
    }

    void kill(Contact contact) {
        dead.add(contact.id());
    }

    boolean isDead(Contact contact) {
        return dead.contains(contact.id());
    }

    void keep(Contact contact, DhtValue value) {
        values.put(contact.id(), value);
    }

    List<Contact> seeds(Contact asker, NodeId target) {
        return tables.get(asker.id()).closest(target, bucketSize);
    }

    FindResult find(Contact asked, Contact asker, NodeId target) {
        List<Contact> closest = tables.get(asked.id()).closestResponsive(target, bucketSize, asker.id());
        return new FindResult(closest, values.get(asked.id()));
    }

    /** The truth: the nearest living peers. */
    List<Contact> nearestAlive(NodeId target, Contact asker, int count) {
        return contacts.stream()
                .filter(contact -> !isDead(contact) && !contact.equals(asker))
                .sorted(target.nearestFirst())
                .limit(count)
                .toList();
    }
}
