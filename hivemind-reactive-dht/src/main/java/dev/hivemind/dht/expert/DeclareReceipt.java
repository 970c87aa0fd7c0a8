package dev.hivemind.dht.expert;

/**
 * What became of a declaration.
 *
 * @param records how many records it took
 * @param stored how many of them some peer keeps now; a record is not stored if another owner's is newer
 */
public record DeclareReceipt(int records, int stored) {

    /** Whether some peer keeps every record. */
    public boolean isComplete() {
        return stored == records;
    }
}
