package dev.hivemind.dht;

import dev.hivemind.dht.storage.DhtRecord;

/**
 * What became of a record that was to be stored, when enough peers had answered. Some more may keep it since.
 *
 * @param record the record
 * @param stored how many peers keep it now
 * @param stale how many peers keep something newer
 * @param crowded how many peers keep the entries of enough other owners
 * @param refused how many peers answered that they cannot keep it
 */
public record StoreReceipt(DhtRecord record, int stored, int stale, int crowded, int refused) {

    /** Whether somebody keeps the record, or most say that they keep enough that is as good: one alone may lie. */
    public boolean isCovered() {
        return stored > 0 || 2 * crowded > stale + crowded + refused;
    }

    /** Whether anybody keeps the record. */
    public boolean isStored() {
        return stored > 0;
    }
}
