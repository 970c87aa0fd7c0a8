package dev.hivemind.dht;

import dev.hivemind.dht.routing.Contact;
import dev.hivemind.rsocket.identity.PeerAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The contacts dropped last: after a partition, one of them may be the way back. Written on one loop, read anywhere. */
final class LostContacts {

    private static final int MAX_LOST = 16;

    private final Deque<PeerAddress> newestLast = new ArrayDeque<>();
    private volatile List<PeerAddress> published = List.of();

    void add(Contact contact) {
        contact.addresses().stream().findFirst().ifPresent(address -> {
            newestLast.remove(address);
            newestLast.addLast(address);
        });
        if (newestLast.size() > MAX_LOST) {
            newestLast.removeFirst();
        }
        published = List.copyOf(newestLast);
    }

    List<PeerAddress> addresses() {
        return published;
    }
}
