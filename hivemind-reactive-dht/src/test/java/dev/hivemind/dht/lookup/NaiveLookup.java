package dev.hivemind.dht.lookup;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.dht.routing.NodeId;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** A lookup that asks one peer after the other and is plain to see through: the oracle for the real one. */
final class NaiveLookup {

    private NaiveLookup() {}

    static List<Contact> run(FakeSwarm swarm, Contact asker, NodeId target, int width) {
        TreeSet<Contact> known = new TreeSet<>(target.nearestFirst());
        Set<Contact> answered = new HashSet<>();
        Set<Contact> dead = new HashSet<>();
        known.addAll(swarm.seeds(asker, target));
        Optional<Contact> next = nextToAsk(known, answered, width);
        while (next.isPresent()) {
            Contact contact = next.get();
            if (swarm.isDead(contact)) {
                known.remove(contact);
                dead.add(contact);
            } else {
                answered.add(contact);
                swarm.find(contact, asker, target).closest().stream()
                        .filter(found -> !dead.contains(found) && !found.equals(asker))
                        .forEach(known::add);
            }
            next = nextToAsk(known, answered, width);
        }
        return known.stream().limit(width).toList();
    }

    private static Optional<Contact> nextToAsk(TreeSet<Contact> known, Set<Contact> answered, int width) {
        return known.stream()
                .limit(width)
                .filter(contact -> !answered.contains(contact))
                .findFirst();
    }
}
