package dev.hivemind.dht.routing;

import java.util.ArrayList;
import java.util.List;

/** Of the contacts that it is offered, those nearest to an id. */
final class NearestContacts {

    private final NodeId target;
    private final int count;
    private final List<Contact> nearestFirst;

    /** Selects at most so many. */
    NearestContacts(NodeId target, int count) {
        this.target = target;
        this.count = count;
        this.nearestFirst = new ArrayList<>(count + 1);
    }

    /** Takes the contact in if it is one of the nearest. */
    void offer(Contact contact) {
        int place = nearestFirst.size();
        while (place > 0 && isNearer(contact, nearestFirst.get(place - 1))) {
            place--;
        }
        if (place < count) {
            nearestFirst.add(place, contact);
        }
        if (nearestFirst.size() > count) {
            nearestFirst.remove(count);
        }
    }

    private boolean isNearer(Contact contact, Contact other) {
        return target.compareDistance(contact.id(), other.id()) < 0;
    }

    /** Whether there are as many as there may be. */
    boolean isFull() {
        return nearestFirst.size() >= count;
    }

    /** The selected ones, nearest first. */
    List<Contact> toList() {
        return List.copyOf(nearestFirst);
    }
}
